import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { failedMessage } from '../../../src/protocol/headers/failed.ts'
import type { HeaderValue } from '../../../src/protocol/wire.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { publishRaw, queueOnce, withChannel } from '../../support/raw-broker.ts'
import { runTwq } from '../../support/run-twq.ts'
import { brokerUrl, ctl, uniqueName, vhost } from '../../support/services.ts'

// Any sender that may publish to the queue of failures can have written what lies there.

type Table = Readonly<Record<string, HeaderValue>>

/** What a copy tells, and which headers it and its original have, otherwise than a worker would write them. */
interface Change {
  readonly separate?: boolean
  readonly told?: Table
  readonly headers?: Table
  readonly original?: Table
}

function twq(...args: string[]): ReturnType<typeof runTwq> {
  return runTwq([...args, '--broker', brokerUrl()])
}

/** A queue as `twq queue declare` makes it, with its queue of failures. */
async function aQueue(): Promise<string> {
  const queue = uniqueName('hostile')
  expect(await twq('queue', 'declare', queue)).toMatchObject({ status: 0 })
  return queue
}

/**
 * Puts a copy among the failures as a worker does, but for what it tells and for the headers that are given; resolves with its
 * task's id. `separate` has it tell that in a header for each entry, as older workers do.
 */
async function keepCopy(
  queue: string,
  text: string,
  { separate = false, told = {}, headers = {}, original = {} }: Change = {},
): Promise<string> {
  const id = randomUUID()
  const table = { lang: 'py', task: 'grow', id, root_id: id, retries: 0, eta: null, expires: null, ...original }
  const body = Buffer.from(JSON.stringify([[text], {}, { callbacks: null, errbacks: null, chain: null, chord: null }]))
  const properties = { contentType: 'application/json', contentEncoding: 'utf-8' }
  const facts = { type: 'RangeError', detail: 'no luck', node: 'twq@test', now: Date.now(), outcome: 'failed' }
  const attempt = { id, task: 'grow', retries: 0, nesting: 0, rerun: 0, traceback: null }
  const place = { queue, route: { exchange: '', routingKey: queue }, redelivered: false }
  const { message } = failedMessage(
    { properties, headers: table, rawHeaders: encodeTable(table), body },
    { ...facts, ...attempt, ...place, startedAt: undefined, first: undefined },
    { part: 'whole' },
  )
  const { 'x-twq-story': story, ...others } = message.headers
  const entries = { ...(JSON.parse(String(story)) as Table), ...told }
  const written = separate
    ? Object.fromEntries(Object.entries(entries).map(([name, value]) => [`x-twq-${name}`, value]))
    : { 'x-twq-story': JSON.stringify(entries) }
  await publishRaw(`${queue}.failed`, { ...message, headers: { ...others, ...written, ...headers } })
  return id
}

/** A user of its own, who may write only what is named so. */
async function aUser(writes: string): Promise<{ readonly url: string; remove(): Promise<unknown> }> {
  const user = uniqueName('user')
  await ctl('add_user', user, 'secret')
  await ctl('set_permissions', '-p', vhost(), user, '.*', writes, '.*')
  const url = Object.assign(new URL(brokerUrl()), { username: user, password: 'secret' }).href
  return { url, remove: () => ctl('delete_user', user) }
}

const ESCAPE = '\u001b[31m\u0007\r\n'

describe('failures that nobody can trust', () => {
  it.each([
    ['are listed, shown, and run again or refused with the reason', false],
    ['of older workers, too', true],
  ])('%s', async (_title, separate) => {
    const queue = await aQueue()
    const elsewhere = await aQueue()
    const large = 'x'.repeat(100_000)
    const keep = (change: Change): Promise<string> => keepCopy(queue, 'text', { separate, ...change })
    await keepCopy(queue, large, { separate })
    await keep({ told: { detail: ESCAPE, traceback: ESCAPE, task: `grow${ESCAPE}` } })
    await keep({ told: { queue: elsewhere, 'routing-key': elsewhere, rerun: 2 ** 40 } })
    await keep({ original: { CC: [elsewhere], 'x-twq-starts': 1_000_000, 'x-twq-ended': 'yes', 'x-twq-story': '{}' } })
    await keep({ told: { retries: -1, 'first-error': ['a'], time: 'tomorrow' } })
    const refused = [
      await keep({ headers: { 'x-twq-headers': new Uint8Array([5, 1, 2]) } }),
      await keep({ told: { kept: 'headers' } }),
      await keep({ told: { properties: 'none' } }),
    ]
    await publishRaw(`${queue}.failed`, { headers: { note: 'left by somebody' }, body: Buffer.from('no failure') })

    const rows = await twq('failed', 'list', '--queue', queue)
    expect(rows).toMatchObject({ status: 0 })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what would steer a terminal is what must not be there
    expect(rows.stdout).not.toMatch(/[\u001b\u0007\r]/)
    const listed: { id: string }[] = JSON.parse((await twq('failed', 'list', '--queue', queue, '--json')).stdout)
    expect(listed).toHaveLength(8)
    const whole = JSON.parse((await twq('failed', 'show', listed[0]?.id ?? '', '--queue', queue, '--json')).stdout)
    expect(JSON.stringify(whole)).toContain(large)

    const grow = defineTask({ name: 'grow', positional: ['text'], run: ({ text }: { text: string }) => text.length })
    await using scene = await aWorker([grow], { queues: [queue] })
    const retried = await twq('failed', 'retry', '--queue', queue)
    expect(retried).toMatchObject({ status: 1, stderr: expect.stringContaining("3 can't run again, and stay: ") })
    expect(retried.stderr).toContain('5 sent again, 4 left')
    for (const { id } of listed.filter(({ id }) => !refused.includes(id))) {
      await scene.log.until(({ event, task_id: ended }) => event === 'task.succeeded' && ended === id)
    }
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 4)
    await queueOnce(elsewhere, ({ messages }) => messages === 0)
  })

  it('stay where their task queue was deleted, and the command says so', async () => {
    const queue = await aQueue()
    const id = await keepCopy(queue, 'text')
    await withChannel((channel) => channel.deleteQueue(queue))
    expect(await twq('failed', 'list', '--queue', queue)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(id),
    })
    expect(await twq('failed', 'retry', '--queue', queue)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(new RegExp(`TWQ_QUEUE_MISSING[^]*${queue}`)),
    })
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
  })

  it('stay where the user may not publish, and the command says so', async () => {
    const queue = await aQueue()
    await keepCopy(queue, 'text')
    const user = await aUser('^$')
    try {
      const flags = ['--queue', queue, '--broker', user.url]
      expect(await runTwq(['failed', 'list', ...flags])).toMatchObject({ status: 0 })
      expect(await runTwq(['failed', 'retry', ...flags])).toMatchObject({
        status: 78,
        stderr: expect.stringContaining('TWQ_BROKER_PERMISSION'),
      })
    } finally {
      await user.remove()
    }
    await queueOnce(`${queue}.failed`, ({ messages }) => messages === 1)
  })
})
