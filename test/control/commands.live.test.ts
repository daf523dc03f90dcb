import { expect, it } from 'vitest'
import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { Broadcast } from '../../src/sending/broadcast.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

/** Asks the worker of a scene alone. */
async function ask({ worker }: WorkerScene, method: string, args: JsonObject = {}, timeout = 60_000): Promise<Json> {
  const broker = amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' })
  await using broadcast = await Broadcast.open(broker, systemClock)
  const replies = await broadcast.ask(method, args, { destination: [worker.node], timeout })
  return replies.get(worker.node) as Json
}

const wait = defineTask({
  name: 'wait',
  run: (_: object, ctx) =>
    new Promise((_resolve, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
})

it('runs more tasks at once when the pool grows, and takes as many more ahead', async () => {
  const go = deferred<void>()
  const block = defineTask({ name: 'block', run: () => go.promise })
  await using scene = await aWorker([block], { concurrency: 1, prefetchMultiplier: 2 })
  for (let n = 0; n < 4; n += 1) await scene.client.send(block, {})
  await scene.log.untilCount(2, ({ event }) => event === 'task.received')
  expect(await ask(scene, 'active')).toHaveLength(1)
  expect(await ask(scene, 'pool_grow', { n: 1 })).toEqual({ ok: 'pool will grow' })
  await scene.log.untilCount(4, ({ event }) => event === 'task.received')
  expect(await ask(scene, 'active')).toHaveLength(2)
  expect(await ask(scene, 'stats')).toMatchObject({ pool: { 'max-concurrency': 2 }, prefetch_count: 4 })
  expect(scene.worker.report()).toMatchObject({ concurrency: 2 })
  expect(await ask(scene, 'pool_shrink', { n: 2 })).toMatchObject({ error: expect.stringContaining('from 1 to') })
  go.resolve()
})

it('limits the time of a task from its next attempt on', async () => {
  await using scene = await aWorker([wait])
  expect(await ask(scene, 'time_limit', { task_name: 'wait', hard: '0.05' })).toEqual({
    ok: 'time limits set successfully',
  })
  const handle = await scene.client.send(wait, {})
  await expect(handle.result({ timeout: '60s' })).rejects.toThrow(/TimeLimitExceeded/)
})

it.each([
  [{ task_name: 'wait', soft: -1 }],
  [{ task_name: 'wait', hard: 'soon' }],
  [{ task_name: 'wait', hard: { $gt: 1 } }],
])('answers limits of time that are none with an error: %j', async (args) => {
  await using scene = await aWorker([wait])
  expect(await ask(scene, 'time_limit', args)).toMatchObject({
    error: expect.stringMatching(/must be a number of seconds/),
  })
})

it('replaces the members of its pool when the configuration lets it', async () => {
  await using scene = await aWorker([wait], { poolRestarts: true })
  expect(await ask(scene, 'pool_restart', { modules: ['os'] })).toEqual({
    error: `NotImplementedError("pool 'async' does not implement restart")`,
  })
})

it('shuts down without a reply, once what runs has ended, however often it is asked', async () => {
  const go = deferred<void>()
  const block = defineTask({ name: 'block', run: () => go.promise })
  await using scene = await aWorker([block])
  await scene.client.send(block, {})
  await scene.log.until(({ event }) => event === 'task.received')
  const unanswered = [ask(scene, 'shutdown', {}, 50), ask(scene, 'shutdown', {}, 50)]
  await scene.logged('worker.draining')
  expect(await Promise.all(unanswered)).toEqual([undefined, undefined])
  expect(await ask(scene, 'ping')).toEqual({ ok: 'pong' })
  go.resolve()
  expect(await scene.worker.stopped).toBe('clean')
})

it('tells the log of every command that changes something, and refuses those that the configuration does not name', async () => {
  await using scene = await aWorker([wait], { control: ['revoke'] })
  await ask(scene, 'ping')
  expect(await ask(scene, 'revoke', { task_id: 'x-1' })).toEqual({ ok: "tasks {'x-1'} flagged as revoked" })
  expect(await ask(scene, 'shutdown', { msg: 'x'.repeat(5_000) })).toEqual({
    error: "PermissionError('shutdown is not allowed here')",
  })
  const told = scene.log.entries.filter(({ event }) => /^control\./.test(String(event)))
  expect(told).toMatchObject([
    { event: 'control.command', method: 'revoke', arguments: '{"task_id":"x-1"}', reply_to: expect.any(String) },
    { event: 'control.refused', method: 'shutdown', arguments: expect.stringMatching(/^.{1001}$/) },
  ])
})

it('takes no revocations from a worker that says hello when nothing may be changed', async () => {
  await using scene = await aWorker([wait], { control: 'read' })
  const hello = { from_node: 'w9@elsewhere', revoked: { 'x-1': [1.5, 'x-1'] } }
  expect(await ask(scene, 'hello', hello)).toMatchObject({ revoked: {} })
  expect(await ask(scene, 'revoked')).toEqual([])
})

it('takes tasks from a queue that remote control adds, and no more from one that it leaves', async () => {
  const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
  await using scene = await aWorker([add])
  const extra = uniqueName('extra')
  const options = {
    queue: extra,
    exchange: `${extra}-x`,
    exchange_type: 'topic',
    routing_key: 'a.#',
    durable: true,
    expires: 600,
  }
  expect(await ask(scene, 'add_consumer', options)).toEqual({ ok: `add consumer ${extra}` })
  expect(await (await scene.client.send(add, { x: 1, y: 2 }, { queue: extra })).result({ timeout: '60s' })).toBe(3)
  expect(await ask(scene, 'active_queues')).toMatchObject([
    { name: scene.queue },
    { name: extra, exchange: { type: 'topic' } },
  ])
  await ask(scene, 'cancel_consumer', { queue: scene.queue })
  expect(await ask(scene, 'active_queues')).toMatchObject([{ name: extra }])
  await ask(scene, 'add_consumer', { queue: scene.queue })
  expect(await (await scene.client.send(add, { x: 2, y: 2 })).result({ timeout: '60s' })).toBe(4)
})

it.each([
  [{ queue: '' }],
  [{ queue: 'amq.mine' }],
  [{ queue: 'q'.repeat(256) }],
  [{ queue: ['q'] }],
  [{ queue: 'q', exchange_type: 'x-delayed-message' }],
  [{ queue: 'q', queue_arguments: { deep: { er: 1 } } }],
  [{ queue: 'q', max_priority: '9' }],
])('consumes nothing that can not be a queue: %j', async (args) => {
  await using scene = await aWorker([wait])
  expect(await ask(scene, 'add_consumer', args)).toMatchObject({ error: expect.stringMatching(/^ValueError\(/) })
  expect(await ask(scene, 'active_queues')).toHaveLength(1)
})
