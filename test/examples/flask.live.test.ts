import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FaultProxy } from '../support/fault-proxy.ts'
import { FlaskApp, type Seen } from '../support/flask-app.ts'
import { brokerUrl } from '../support/services.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'

const PROJECT = join(import.meta.dirname, '../..')

let spool: string
let worker: TwqWorker
let flask: FlaskApp

beforeAll(async () => {
  spool = await mkdtemp(join(tmpdir(), 'twq-flask-'))
  const application = FlaskApp.start()
  worker = await startTwqWorker({
    project: PROJECT,
    env: { TWQ_BROKER: brokerUrl(), SPOOL_DIR: spool, SMTP_URL: undefined },
  })
  flask = await application
})

afterAll(async () => {
  await flask?.[Symbol.asyncDispose]()
  await worker?.[Symbol.asyncDispose]()
  await rm(spool, { recursive: true, force: true })
})

describe('the Flask example, run by a TypeScript worker', () => {
  it('offers each task on its page', async () => {
    const html = await (await fetch(flask.page)).text()
    for (const name of ['add', 'block', 'process', 'send_welcome_email']) {
      expect(html).toContain(`action="/tasks/${name}"`)
    }
  })

  it('shows the result of add', async () => {
    expect(await flask.follow(await flask.send('add', { x: 2, y: 3 }))).toEqual([
      { state: 'SUCCESS', ready: true, value: 5 },
    ])
  })

  it('shows the progress of process, and then its result', async () => {
    const seen = await flask.follow(await flask.send('process', { total: 5 }))
    const result = { state: 'SUCCESS', ready: true, value: { current: 5, total: 5 } }
    // A page that looks from time to time sees the newest each time, and on a busy machine not every one.
    const told = [1, 2, 3, 4, 5].map((current) => progress(current, 5))
    expect(seen.length).toBeGreaterThan(1)
    expect(seen).toEqual([...told.filter((one) => seen.some((each) => isDeepStrictEqual(each, one))), result])
  })

  it('keeps tasks apart that run side by side', async () => {
    const started = await Promise.all([
      flask.send('process', { total: 2 }),
      flask.send('block'),
      flask.send('process', { total: 3 }),
    ])
    const [short, block, long] = await Promise.all(started.map((path) => flask.follow(path)))
    expect(short?.at(-1)).toEqual({ state: 'SUCCESS', ready: true, value: { current: 2, total: 2 } })
    expect(long?.at(-1)).toEqual({ state: 'SUCCESS', ready: true, value: { current: 3, total: 3 } })
    expect(block?.at(-1)).toEqual({ state: 'SUCCESS', ready: true, value: null })
  })

  it('has an e-mail written', async () => {
    const seen = await flask.follow(await flask.send('send_welcome_email', { user_id: 42 }))
    expect(seen).toEqual([{ state: 'SUCCESS', ready: true, value: expect.objectContaining({ to: 'ada@example.com' }) }])
    const [file, ...others] = await readdir(spool)
    expect(others).toEqual([])
    expect(await readFile(join(spool, file!), 'utf8')).toContain('Subject: Welcome, Ada Lovelace!')
  })

  it('shows the error of a task that fails, by the name Python has for it', async () => {
    const [seen] = await flask.follow(await flask.send('process', { total: -1 }))
    expect(seen).toEqual({
      state: 'FAILURE',
      ready: true,
      error: { type: 'ValueError', message: expect.stringContaining('total') },
    })
  })

  it('shows that nobody has written a task', async () => {
    const [seen] = await flask.follow(await flask.send('no_such_task'))
    expect(seen).toMatchObject({ state: 'FAILURE', error: { type: 'NotRegistered' } })
  })

  it('shows that a task runs which tells nothing else', async () => {
    const [first] = await flask.follow(await flask.send('block'))
    expect(first).toMatchObject({ state: 'STARTED', ready: false })
  })

  it('starts nothing but what its page offers, and nothing with arguments that are no numbers', async () => {
    expect((await flask.post('celery.backend_cleanup')).status).toBe(404)
    expect((await flask.post('add', { x: 2 })).status).toBe(400)
    expect((await flask.post('add', { x: 2, y: 'three' })).status).toBe(400)
  })
})

describe('the Flask example, when the broker goes while it runs', () => {
  // What its README and its page promise, with room for a busy machine: without a limit it would be for ever.
  const SOON = 30_000

  async function answers(requests: readonly Promise<Response>[]): Promise<readonly [number, string][]> {
    const responses = await Promise.all(requests)
    return await Promise.all(
      responses.map(
        async (response): Promise<[number, string]> => [
          response.status,
          ((await response.json()) as { error: string }).error,
        ],
      ),
    )
  }

  it.each(['refuses', 'is silent'])(
    'answers each request with 503 while it %s, and sends again once it is back',
    async (how) => {
      await using proxy = await FaultProxy.before(brokerUrl())
      await using cut = await FlaskApp.start({ CELERY_BROKER_URL: proxy.through(brokerUrl()) })
      const before = await cut.send('add', { x: 1, y: 1 })
      expect((await cut.follow(before)).at(-1)).toMatchObject({ state: 'SUCCESS', value: 2 })

      if (how === 'is silent') proxy.blackhole()
      else {
        proxy.refuse()
        proxy.reset()
      }
      const signal = AbortSignal.timeout(SOON)
      const path = new URL(before, cut.page)
      const requests = [
        cut.post('add', { x: 2, y: 3 }, signal),
        cut.post('add', { x: 2, y: 3 }, signal),
        fetch(path, { signal }),
      ]
      for (const [status, error] of (await answers(requests)).slice(0, 2)) {
        expect(status).toBe(503)
        expect(error).toMatch(/^the broker or the result backend can't be reached/)
      }
      proxy.heal()
      let again = await cut.post('add', { x: 3, y: 3 })
      while (again.status !== 202) again = await cut.post('add', { x: 3, y: 3 })
      const { url } = (await again.json()) as { url: string }
      expect((await cut.follow(url)).at(-1)).toMatchObject({ state: 'SUCCESS', value: 6 })
    },
  )
})

function progress(current: number, total: number): Seen {
  return { state: 'PROGRESS', ready: false, value: { current, total } }
}
