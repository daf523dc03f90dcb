import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../../src/client/create-client.ts'
import { parseRedisUrl } from '../../../src/results/redis/redis-address.ts'
import { RedisConnection } from '../../../src/results/redis/redis-connection.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { aWorker } from '../../support/a-worker.ts'
import { type RedisServer, startRedis } from '../../support/provision/redis.ts'
import { startCeleryWorker } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'

let redis: RedisServer
let store: RedisConnection
beforeAll(async () => {
  redis = await startRedis({ durable: true })
  store = new RedisConnection({
    address: parseRedisUrl(redis.url),
    name: 'test',
    patience: 60_000,
    clock: systemClock,
  })
  await store.start()
})
afterAll(async () => {
  await store?.stop({ deadline: AbortSignal.timeout(2_000) })
  await redis?.[Symbol.asyncDispose]()
})

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})
const boom = defineTask({
  name: 'boom',
  positional: ['message?'],
  run({ message = 'boom' }: { message?: string }) {
    throw Object.assign(new Error(message), { name: 'ValueError' })
  },
})
const progress = defineTask({
  name: 'progress',
  positional: ['total'],
  async run({ total }: { total: number }, ctx) {
    for (let current = 1; current <= total; current++) await ctx.progress({ current, total })
    return { current: total, total }
  },
})
const gate = deferred<void>()
const gated = defineTask({
  name: 'gated',
  async run(_args: Record<never, never>, ctx) {
    await gate.promise
    await ctx.progress({ current: 1, total: 2 })
    return 'done'
  },
})
const open = defineTask({ name: 'open', run: () => gate.resolve() })
const tasks = [add, boom, progress, gated, open]

const keyOf = (id: string) => `celery-task-meta-${id}`

async function metaOf(id: string): Promise<Record<string, unknown>> {
  const text = await pollUntil(
    `the result of ${id}`,
    () => store.get(keyOf(id)),
    (found) => /SUCC|FAIL/.test(found ?? ''),
  )
  return JSON.parse(text as string) as Record<string, unknown>
}

describe('results in a Redis', () => {
  it('are what any Python process reads by the id: values, states and errors', async () => {
    await using scene = await aWorker(tasks, { resultBackend: redis.url })
    const settings = { broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue }
    await using sender = await PythonCaller.start(settings)
    await using reader = await PythonCaller.start(settings)
    const sum = await sender.sendTask('add', [2, 3])
    expect(await reader.evaluate(`app.AsyncResult("${sum}").get(timeout=60)`)).toBe(5)
    expect(await reader.evaluate(`app.AsyncResult("${sum}").date_done is not None`)).toBe(true)

    const failed = await sender.sendTask('boom', ['no luck'])
    await expect(reader.evaluate(`app.AsyncResult("${failed}").get(timeout=60)`)).rejects.toMatchObject({
      type: 'ValueError',
      module: 'builtins',
      args: ['no luck'],
    })
    // A task that is done before it is watched has no states to show.
    const states = await sender.watch(await sender.sendTask('gated'), { opener: 'open' })
    expect(states.at(-1)).toMatchObject({ status: 'SUCCESS', result: 'done' })
    expect(states).toContainEqual(expect.objectContaining({ status: 'PROGRESS', result: { current: 1, total: 2 } }))
  })

  it('have the keys, the types and the time to live of those that Python writes', async () => {
    await using scene = await aWorker(tasks, { resultBackend: redis.url, resultExtended: true })
    const pythonQueue = uniqueName('python')
    const settings = { broker: brokerUrl(), resultBackend: redis.url, queue: pythonQueue }
    await using _worker = await startCeleryWorker({ ...settings, env: { CELERY_RESULT_EXTENDED: '1' } })
    await using sender = await PythonCaller.start(settings)
    for (const [task, args] of [
      ['add', [1, 2]],
      ['boom', ['x']],
    ] as const) {
      const [ours, theirs] = await Promise.all([
        sender.sendTask(task, args, { queue: scene.queue }).then(metaOf),
        sender.sendTask(task, args).then(metaOf),
      ])
      expect(shapeOf(ours)).toMatchObject(shapeOf(theirs))
      expect({ ...ours, ...VARYING }).toMatchObject({ ...theirs, ...VARYING })
      expect(ours).toMatchObject({
        name: task,
        args,
        kwargs: {},
        worker: scene.worker.node,
        retries: 0,
        queue: scene.queue,
      })
      const ttl = await store.call((client) => client.ttl(keyOf(String(ours.task_id))))
      expect(ttl).toBeGreaterThan(86_000)
      expect(ttl).toBeLessThanOrEqual(86_400)
    }
  })

  it('are read by any client of ours, whoever sent the task and ran it', async () => {
    const queue = uniqueName('python')
    const settings = { broker: brokerUrl(), resultBackend: redis.url, queue }
    await using _worker = await startCeleryWorker(settings)
    await using sender = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue })
    await using other = createClient({ broker: brokerUrl(), resultBackend: redis.url })
    const sum = await sender.send('add', [2, 3])
    expect(await sum.result({ timeout: '60s' })).toBe(5)
    expect(await other.result(sum.id).result({ timeout: '60s' })).toBe(5)
    expect(await other.result(sum.id).state()).toBe('SUCCESS')

    const failed = await sender.send('boom', ['no luck'])
    await expect(other.result(failed.id).result({ timeout: '60s' })).rejects.toMatchObject({
      code: 'TWQ_TASK_FAILED',
      cause: { name: 'ValueError', message: 'no luck' },
    })
    const seen: string[] = []
    for await (const { state } of (await sender.send('progress', [5])).states()) seen.push(state)
    expect(seen.at(-1)).toBe('SUCCESS')

    await other.forget(sum.id)
    expect(await other.result(sum.id).state()).toBe('PENDING')
    expect(await other.result('never-sent').record()).toBeUndefined()
  })

  it('say of a task that Python revokes that it is, at once, whether anybody has seen it or not', async () => {
    await using scene = await aWorker(tasks, { resultBackend: redis.url })
    await using python = await PythonCaller.start({
      broker: brokerUrl(),
      resultBackend: redis.url,
      queue: scene.queue,
    })
    const sum = await python.sendTask('add', [2, 3])
    await metaOf(sum)
    const ids = [sum, uniqueName('id'), uniqueName('id')]
    await python.evaluate(
      `app.control.revoke(${JSON.stringify(ids)}, reply=True, timeout=5, destination=['${scene.worker.node}'])`,
    )
    for (const id of ids.slice(1)) {
      await expect(python.evaluate(`app.AsyncResult("${id}").get(timeout=60)`)).rejects.toMatchObject({
        type: 'TaskRevokedError',
        args: ['revoked'],
      })
      expect(await python.evaluate(`app.AsyncResult("${id}").state`)).toBe('REVOKED')
    }
    expect(await python.evaluate(`app.AsyncResult("${sum}").state`)).toBe('SUCCESS')
  })

  it('are waited for over a Redis that goes away and returns', async () => {
    await using scene = await aWorker(tasks, { resultBackend: redis.url, concurrency: 20 })
    await using client = createClient({ broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue })
    const before = await Promise.all(Array.from({ length: 100 }, (_, x) => client.send(add, { x, y: 1 })))
    const results = Promise.all(before.map((handle) => handle.result({ timeout: '2m' })))
    await redis.stop()
    await scene.logged('results.lost')
    const meanwhile = await Promise.all(Array.from({ length: 100 }, (_, x) => client.send(add, { x, y: 2 })))
    const later = Promise.all(meanwhile.map((handle) => handle.result({ timeout: '2m' })))
    await redis.start()
    expect(await results).toEqual(before.map((_, x) => x + 1))
    expect(await later).toEqual(meanwhile.map((_, x) => x + 2))
    expect(scene.log.entries.filter(({ event }) => event === 'task.unsettled')).toEqual([])
  })

  it('that can not be stored for longer than resultPatience are kept, while no further task is taken', async () => {
    await using own = await startRedis({ durable: true })
    const runs: number[] = []
    const count = defineTask({ name: 'count', positional: ['x'], run: ({ x }: { x: number }) => runs.push(x) })
    await using scene = await aWorker([count], {
      resultBackend: own.url,
      resultPatience: '1s',
      concurrency: 1,
      prefetch: 2,
    })
    await using client = createClient({ broker: brokerUrl(), resultBackend: own.url, queue: scene.queue })
    await own.stop()
    await scene.logged('results.lost')
    const first = await client.send(count, { x: 1 })
    expect(await scene.logged('task.unsettled')).toMatchObject({ task_id: first.id })
    expect(await scene.logged('worker.halted')).toMatchObject({ kept: 1 })
    const checks = (scene.worker.report().failing as readonly { check: string }[]).map(({ check }) => check)
    expect(checks).toContain('outcomes')
    await queueOnce(scene.queue, ({ consumers }) => consumers === 0)
    const second = await client.send(count, { x: 2 })
    await queueOnce(scene.queue, ({ messages }) => messages === 1)
    await own.start()
    await scene.logged('worker.resumed')
    expect(await first.result({ timeout: '2m' })).toBe(1)
    expect(await second.result({ timeout: '2m' })).toBe(2)
    expect(runs).toEqual([1, 2])
    expect(scene.worker.report().failing).toEqual([])
  })

  it('that can not be stored when the worker leaves send the messages back, within the time that it has', async () => {
    await using own = await startRedis({ durable: true })
    const options = { resultBackend: own.url, resultPatience: '1s', shutdown: { grace: '1s', abort: '1s' } } as const
    await using scene = await aWorker([add], options)
    await using client = createClient({ broker: brokerUrl(), resultBackend: own.url, queue: scene.queue })
    await own.stop()
    await scene.logged('results.lost')
    const sent = await client.send(add, { x: 2, y: 3 })
    await scene.logged('task.unsettled')
    expect(await scene.worker.stop('warm')).toBe('forced')
    await queueOnce(scene.queue, ({ messages }) => messages === 1)
    await own.start()
    await using _next = await aWorker([add], { ...options, queues: [scene.queue] })
    expect(await sent.result({ timeout: '2m' })).toBe(5)
  })
})

/** What differs from run to run, and between the two. */
const VARYING = {
  task_id: '',
  date_done: '',
  traceback: '',
  worker: '',
  queue: '',
}

function shapeOf(meta: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(Object.entries(meta).map(([key, value]) => [key, value === null ? 'null' : typeof value]))
}
