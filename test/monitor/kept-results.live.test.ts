import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TaskDetail } from '../../src/monitor/answers/tasks.ts'
import { aMonitor, aTaskEvent } from '../support/a-monitor.ts'
import { type RedisServer, startRedis } from '../support/provision/redis.ts'

const HOSTILE = '<img src=x onerror=alert(1)>\u001b[2J\u202e"\u0000</script>'

let server: RedisServer
let redis: Redis

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
  // It is stopped below.
  redis.on('error', () => {})
})

afterAll(async () => {
  redis?.disconnect()
  await server?.[Symbol.asyncDispose]()
})

/** Keeps what Celery keeps of a task. */
async function keep(id: string, fields: object): Promise<void> {
  const record = { status: 'SUCCESS', result: null, traceback: null, children: [], task_id: id, ...fields }
  await redis.set(`celery-task-meta-${id}`, JSON.stringify(record))
}

async function aScene(options: Parameters<typeof aMonitor>[0] = {}) {
  const scene = await aMonitor({ resultBackend: server.url, ...options })
  return Object.assign(scene, {
    /** A task that has ended, as the monitor shows it. */
    ended: async (id: string, fields: object = {}, type = 'task-succeeded'): Promise<TaskDetail> => {
      await scene.say(aTaskEvent(type, id, { result: "'shortened…'", runtime: 1, ...fields }))
      return await scene.until<TaskDetail>(`/api/tasks/${id}`, ({ id: known }) => known === id)
    },
  })
}

const EVENT = { text: "'shortened…'", from: 'event' }

it('shows the whole result and traceback from Redis, and says that it is from there', async () => {
  await using scene = await aScene()
  await keep('whole', { result: { items: Array.from({ length: 500 }, (_, number) => number) } })
  const whole = await scene.ended('whole')
  expect(whole.result?.from).toBe('backend')
  expect(JSON.parse(whole.result?.text ?? '').items.length).toBe(500)
  expect(whole.kept).toEqual({ by: 'Redis' })
  const error = { exc_type: 'ValueError', exc_message: ['no'], exc_module: 'builtins' }
  await keep('failed', { status: 'FAILURE', result: error, traceback: 'all of it' })
  const failed = await scene.ended('failed', { exception: "ValueError('no')", traceback: 'cut' }, 'task-failed')
  expect(failed.traceback).toEqual({ text: 'all of it', from: 'backend' })
})

it('shows the end that Redis knows of where no event has told of one', async () => {
  await using scene = await aScene()
  const error = { exc_type: 'ValueError', exc_message: ['no'], exc_module: 'builtins' }
  await keep('sent', { status: 'FAILURE', result: error, traceback: 'all of it' })
  expect(await scene.ended('sent', {}, 'task-sent')).toMatchObject({
    state: 'FAILURE',
    exception: expect.stringContaining('ValueError'),
  })
})

it("shows the event's text and why, where Redis keeps none: it has expired, or is of another kind", async () => {
  await using scene = await aScene()
  await keep('expired', { result: 'gone' })
  await redis.pexpireat('celery-task-meta-expired', 1)
  await redis.set('celery-task-meta-nonsense', '{"status": ')
  await redis.hset('celery-task-meta-hash', 'a', '1')
  await keep('pending', { status: 'STARTED' })
  const seen = []
  for (const id of ['expired', 'nonsense', 'hash', 'pending']) seen.push(await scene.ended(id))
  expect(seen.map(({ result }) => result)).toEqual([EVENT, EVENT, EVENT, EVENT])
  expect(seen.map(({ kept }) => kept?.problem)).toEqual([
    'keeps no result of it, or none any more',
    expect.stringMatching(/^can't be asked for it: the result of nonsense can't be read/),
    expect.stringMatching(/^can't be asked for it: /),
    'keeps no result of it, or none any more',
  ])
})

it('takes what is hostile as text, and no more of it than it can show', async () => {
  await using scene = await aScene()
  await keep('markup', { result: HOSTILE })
  expect(JSON.parse((await scene.ended('markup')).result?.text ?? '')).toBe(HOSTILE)
  await redis.set('celery-task-meta-huge', `{"status": "SUCCESS", "result": "${'x'.repeat(20 * 1024 * 1024)}"}`)
  const huge = await scene.ended('huge')
  expect([huge.result, huge.kept?.problem]).toEqual([EVENT, expect.stringMatching(/has more than 1048576 bytes/)])
  await keep('long', { result: 'y'.repeat(500_000) })
  expect((await scene.ended('long')).result?.text.length).toBeLessThan(100_100)
  // Two spaces for each of its levels would be a gigabyte.
  const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`
  await redis.set('celery-task-meta-deep', `{"status": "SUCCESS", "result": ${deep}, "task_id": "deep"}`)
  expect((await scene.ended('deep')).result?.text.length ?? 0).toBeLessThan(100_100)
})

it('shows nothing of what is hidden', async () => {
  await using scene = await aScene({ hide: ['results', 'errors'] })
  await keep('secret', { result: 'covered-up' })
  expect(JSON.stringify(await scene.ended('secret'))).not.toContain('covered-up')
})

it("shows the event's text while Redis is away, and the result again once it is back", async () => {
  await using scene = await aScene()
  server.pause()
  const frozen = await scene.ended('away')
  server.resume()
  expect([frozen.result, frozen.kept?.problem]).toEqual([EVENT, expect.stringMatching(/ within 1500 ms/)])
  await server.stop()
  const gone = await scene.get<TaskDetail>('/api/tasks/away')
  expect([gone.result, gone.kept?.problem]).toEqual([EVENT, expect.stringMatching(/^can't be asked for it: /)])
  await server.start()
  await keep('away', { result: 'back' })
  const back = await scene.until<TaskDetail>('/api/tasks/away', ({ result }) => result?.from === 'backend')
  expect(back.result?.text).toBe('"back"')
})
