import { readdir, readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { runAttempt } from '../../src/tasks/attempt/attempt.ts'
import type { Attempt } from '../../src/tasks/attempt/invocation.ts'
import { sendWelcomeEmail } from '../../tasks/email.ts'
import { anAttempt, NOW } from '../support/attempts.ts'
import { tempFolder } from '../support/temp-folder.ts'

const welcome = (userId: unknown, over: { id?: string; signal?: AbortSignal; retries?: number } = {}) => {
  const { signal, ...message } = over
  const attempt: Partial<Attempt> = signal === undefined ? {} : { signal }
  return runAttempt(
    anAttempt({ task: sendWelcomeEmail, message: { args: [userId as number], ...message }, ...attempt }),
  )
}

beforeEach(() => {
  vi.stubEnv('SMTP_URL', undefined)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

describe('without a mail server', () => {
  it('writes the message into the spool folder, and makes the folder', async () => {
    const folder = join(aSpool(), 'outgoing')
    vi.stubEnv('SPOOL_DIR', folder)
    const outcome = await welcome(42)
    if (outcome.kind !== 'succeeded') throw new Error(JSON.stringify(outcome))
    const { to, file } = outcome.result as { to: string; file: string }
    expect(to).toBe('ada@example.com')
    const message = await readFile(file, 'utf8')
    expect(message).toContain('To: Ada Lovelace <ada@example.com>')
    expect(message).toContain('Subject: Welcome, Ada Lovelace!')
    expect(message).toContain('Hello Ada Lovelace,')
  })

  it('derives an address for a user it does not know', async () => {
    aSpool()
    expect(await welcome(7)).toMatchObject({ kind: 'succeeded', result: { to: 'user-7@example.com' } })
  })

  it('leaves one message when the task runs twice', async () => {
    const folder = aSpool()
    await welcome(42, { id: 'once' })
    await welcome(42, { id: 'once' })
    await welcome(42, { id: 'another' })
    expect(await readdir(folder)).toHaveLength(2)
  })

  it.each(['../../outside', '/etc/motd', '..', '', 'line\r\nBcc: all@example.com', '💌'.repeat(400)])(
    'stays inside the folder whatever the task id is: %j',
    async (id) => {
      const folder = aSpool()
      expect(await welcome(42, { id })).toMatchObject({ kind: 'succeeded' })
      const [file, ...others] = await readdir(folder)
      expect(others).toEqual([])
      expect(await readFile(join(folder, file!), 'utf8')).not.toContain('Bcc')
    },
  )

  it('fails when the user id is not a whole number', async () => {
    const folder = aSpool()
    expect(await welcome('42; DROP TABLE users')).toMatchObject({
      kind: 'failed',
      error: { type: 'ValueError', args: [expect.stringMatching(/user_id/)] },
    })
    expect(await readdir(folder)).toEqual([])
  })
})

describe('with a mail server', () => {
  it('sends the message', async () => {
    const server = await aMailServer()
    expect(await welcome(1)).toMatchObject({ kind: 'succeeded', result: { to: 'grace@example.com' } })
    expect(server.received).toEqual([expect.stringContaining('To: Grace Hopper <grace@example.com>')])
  })

  it('gives a repetition the message id of the first, so that the two can be told to be one', async () => {
    const server = await aMailServer()
    await welcome(1, { id: 'once' })
    await welcome(1, { id: 'once' })
    const [first, second] = server.received.map((message) => /^Message-ID: .*$/m.exec(message)?.[0])
    expect(first).toBeDefined()
    expect(second).toBe(first)
  })

  it('is tried again when the server asks to come back later', async () => {
    await aMailServer({ onRcptTo: (_address, _session, answer) => answer(refusal(451, 'greylisted')) })
    expect(await welcome(1)).toMatchObject({ kind: 'retry', at: NOW + 500 })
  })

  it('fails when the server refuses for good', async () => {
    await aMailServer({ onRcptTo: (_address, _session, answer) => answer(refusal(550, 'no such mailbox')) })
    const outcome = await welcome(1)
    expect(outcome).toMatchObject({ kind: 'failed', error: { args: [expect.stringMatching(/no such mailbox/)] } })
  })

  it('is tried again when nobody listens, and fails after the sixth try', async () => {
    const server = await aMailServer()
    await server.close()
    expect(await welcome(1, { retries: 4 })).toMatchObject({ kind: 'retry' })
    expect(await welcome(1, { retries: 5 })).toMatchObject({ kind: 'failed' })
  })

  it('is left unfinished when the worker has to leave while the server is thinking', async () => {
    const leaving = new AbortController()
    await aMailServer({
      onMailFrom: () => leaving.abort(new TwqError('TWQ_SHUTTING_DOWN', 'the worker is shutting down')),
    })
    expect(await welcome(1, { signal: leaving.signal })).toEqual({ kind: 'interrupted' })
  })
})

/** An empty folder that SPOOL_DIR names until the test is over. */
function aSpool(): string {
  const folder = tempFolder()
  vi.stubEnv('SPOOL_DIR', folder)
  return folder
}

/** A mail server that SMTP_URL names until the test is over, and what it has received. */
async function aMailServer(options: SMTPServerOptions = {}) {
  const received: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onData: (stream, _session, done) => {
      text(stream).then((message) => {
        received.push(message)
        done()
      }, done)
    },
    ...options,
  })
  const listening = server.listen(0, '127.0.0.1')
  await new Promise((resolve) => listening.once('listening', resolve))
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  onTestFinished(close)
  vi.stubEnv('SMTP_URL', `smtp://127.0.0.1:${(listening.address() as AddressInfo).port}`)
  return { received, close }
}

function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}
