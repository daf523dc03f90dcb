import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../support/program.ts'
import { startPython } from '../support/python.ts'
import { brokerUrl } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

const PROJECT = join(import.meta.dirname, '../..')
const POLL_INTERVAL = 100

/** What the page is told about a task. */
interface Seen {
  readonly state: string
  readonly ready: boolean
  readonly value?: unknown
  readonly error?: { readonly type: string; readonly message: string }
}

let spool: string
let worker: TwqWorker
let flask: Program
let page: string

beforeAll(async () => {
  spool = await mkdtemp(join(tmpdir(), 'twq-flask-'))
  const application = startPython(
    ['-m', 'flask', '--app', 'app', 'run', '--port', '0'],
    {
      broker: brokerUrl(),
      env: { CELERY_BROKER_URL: brokerUrl() },
    },
    { cwd: join(PROJECT, 'examples/flask') },
  )
  worker = await startTwqWorker({
    project: PROJECT,
    env: { TWQ_BROKER: brokerUrl(), SPOOL_DIR: spool, SMTP_URL: undefined },
  })
  flask = await application
  page = /http:\S+/.exec(await flask.until('Running on'))![0]
})

afterAll(async () => {
  await flask?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await rm(spool, { recursive: true, force: true })
})

describe('the Flask example, run by a TypeScript worker', () => {
  it('offers each task on its page', async () => {
    const html = await (await fetch(page)).text()
    for (const name of ['add', 'block', 'process', 'send_welcome_email']) {
      expect(html).toContain(`action="/tasks/${name}"`)
    }
  })

  it('shows the result of add', async () => {
    expect(await follow(await start('add', { x: 2, y: 3 }))).toEqual([{ state: 'SUCCESS', ready: true, value: 5 }])
  })

  it('shows the progress of process, and then its result', async () => {
    const seen = await follow(await start('process', { total: 3 }))
    const result = { state: 'SUCCESS', ready: true, value: { current: 3, total: 3 } }
    expect(seen).toEqual([progress(1, 3), progress(2, 3), progress(3, 3), result])
  })

  it('keeps tasks apart that run side by side', async () => {
    const started = await Promise.all([start('process', { total: 2 }), start('block'), start('process', { total: 3 })])
    const [short, block, long] = await Promise.all(started.map(follow))
    expect(short?.at(-1)).toEqual({ state: 'SUCCESS', ready: true, value: { current: 2, total: 2 } })
    expect(long?.at(-1)).toEqual({ state: 'SUCCESS', ready: true, value: { current: 3, total: 3 } })
    expect(block).toEqual([{ state: 'SUCCESS', ready: true, value: null }])
  })

  it('has an e-mail written', async () => {
    const seen = await follow(await start('send_welcome_email', { user_id: 42 }))
    expect(seen).toEqual([{ state: 'SUCCESS', ready: true, value: expect.objectContaining({ to: 'ada@example.com' }) }])
    const [file, ...others] = await readdir(spool)
    expect(others).toEqual([])
    expect(await readFile(join(spool, file!), 'utf8')).toContain('Subject: Welcome, Ada Lovelace!')
  })

  it('shows the error of a task that fails, by the name Python has for it', async () => {
    const [seen] = await follow(await start('process', { total: -1 }))
    expect(seen).toEqual({
      state: 'FAILURE',
      ready: true,
      error: { type: 'ValueError', message: expect.stringContaining('total') },
    })
  })

  it('shows that nobody has written a task', async () => {
    const [seen] = await follow(await start('no_such_task'))
    expect(seen).toMatchObject({ state: 'FAILURE', error: { type: 'NotRegistered' } })
  })

  it('starts nothing but what its page offers, and nothing with arguments that are no numbers', async () => {
    expect((await post('celery.backend_cleanup')).status).toBe(404)
    expect((await post('add', { x: 2 })).status).toBe(400)
    expect((await post('add', { x: 2, y: 'three' })).status).toBe(400)
  })
})

function progress(current: number, total: number): Seen {
  return { state: 'PROGRESS', ready: false, value: { current, total } }
}

function post(name: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Response> {
  const form = new URLSearchParams()
  for (const [field, value] of Object.entries(fields)) form.set(field, String(value))
  return fetch(new URL(`/tasks/${name}`, page), { method: 'POST', body: form })
}

/** Starts a task as the page does, and answers with where its state is. */
async function start(name: string, fields?: Readonly<Record<string, unknown>>): Promise<URL> {
  const response = await post(name, fields)
  const { url } = (await response.json()) as { url: string }
  return new URL(url, page)
}

/** Polls as the page does, until the task is done: each thing seen once, in order, from the first that a worker said. */
async function follow(url: URL): Promise<Seen[]> {
  const seen: Seen[] = []
  for (;;) {
    const now = (await (await fetch(url)).json()) as Seen
    if (now.state !== 'PENDING' && JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now)
    if (now.ready) return seen
    await pause(POLL_INTERVAL)
  }
}
