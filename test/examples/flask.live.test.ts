import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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
    const seen = await flask.follow(await flask.send('process', { total: 3 }))
    const result = { state: 'SUCCESS', ready: true, value: { current: 3, total: 3 } }
    expect(seen).toEqual([progress(1, 3), progress(2, 3), progress(3, 3), result])
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
    expect(block).toEqual([{ state: 'SUCCESS', ready: true, value: null }])
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

  it('starts nothing but what its page offers, and nothing with arguments that are no numbers', async () => {
    expect((await flask.post('celery.backend_cleanup')).status).toBe(404)
    expect((await flask.post('add', { x: 2 })).status).toBe(400)
    expect((await flask.post('add', { x: 2, y: 'three' })).status).toBe(400)
  })
})

function progress(current: number, total: number): Seen {
  return { state: 'PROGRESS', ready: false, value: { current, total } }
}
