import { expect, it } from 'vitest'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import type { UserConfig } from '../../../src/config/config.ts'
import { deferred } from '../../../src/runtime/time/deferred.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import { startTestWorker, type TestWorkerOptions, until } from '../../../src/testing/test-worker.ts'

const quick = defineTask({ name: 'quick', run: () => null })

/** A worker with two slots that takes ahead much more, since it has run quick tasks. */
async function aHastyWorker(config: UserConfig = {}, place: Pick<TestWorkerOptions, 'clock' | 'broker'> = {}) {
  const started: string[] = []
  const open = deferred<void>()
  const slow = defineTask({
    name: 'slow',
    async run(_args, { id }) {
      started.push(id)
      await open.promise
    },
  })
  const scene = await startTestWorker({ tasks: [quick, slow], config: { concurrency: 2, ...config }, ...place })
  const { client, clock, broker, waiting } = scene
  const send = (name: string, count: number): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, async () => (await client.send(name)).id))
  for (let burst = 0; burst < 3; burst += 1) {
    const ids = await send('quick', 64)
    await Promise.all(ids.map((id) => until(scene, 'settled', id)))
    await clock.pass(10)
  }
  return {
    clock,
    waiting,
    started,
    async sendSlow(count: number): Promise<string[]> {
      const ids = await send('slow', count)
      await clock.pass(1)
      return ids
    },
    /** Ends all slow tasks, those to come as well. */
    async endSlow(ids: readonly string[]): Promise<void> {
      open.resolve()
      await Promise.all(ids.map((id) => until(scene, 'settled', id)))
    },
    /** Another consumer of the queue, which keeps two messages; returns the ids of their tasks. */
    async anotherConsumer(): Promise<(string | undefined)[]> {
      const taken: (string | undefined)[] = []
      const channel = await (await broker.connect()).openChannel()
      await channel.prefetch(2, 'consumer')
      await channel.consume('celery', ({ properties }) => void taken.push(properties.correlationId))
      return taken
    },
    async [Symbol.asyncDispose]() {
      open.resolve()
      // Results for a client that is gone are sent again for a moment, which begins when the worker has come to that.
      let isGone = false
      const gone = Promise.resolve(scene[Symbol.asyncDispose]()).finally(() => {
        isGone = true
      })
      while (!isGone) await clock.pass('1s')
      await gone
    },
  }
}

it('passes on what it took ahead, and slow tasks keep waiting, to another consumer', async () => {
  await using worker = await aHastyWorker()
  const ids = await worker.sendSlow(20)
  expect(worker.started).toHaveLength(2)
  expect(await worker.waiting()).toBe(0)
  const taken = await worker.anotherConsumer()
  await worker.clock.pass('2s')
  expect(taken).toHaveLength(2)
  expect(await worker.waiting()).toBe(16)
  await worker.endSlow(ids.filter((id) => !taken.includes(id)))
  // Each is in one place, and ran once.
  expect([...worker.started, ...taken].toSorted()).toEqual(ids.toSorted())
})

it('keeps what it took ahead while no other consumer is there, but not for as long as the broker might take it back', async () => {
  await using worker = await aHastyWorker()
  await worker.sendSlow(20)
  await worker.clock.pass('9m')
  expect(await worker.waiting()).toBe(0)
  await worker.clock.pass('2m')
  expect(await worker.waiting()).toBe(18)
})

it('keeps what it took ahead while more is ready in the queue', async () => {
  await using worker = await aHastyWorker()
  await worker.sendSlow(20)
  await worker.clock.pass(400)
  const taken = await worker.anotherConsumer()
  await worker.sendSlow(3)
  expect(taken).toHaveLength(2)
  await worker.clock.pass('1m')
  expect(await worker.waiting()).toBe(1)
})

it('takes no more than its slots where a prefetch multiplier is given', async () => {
  await using worker = await aHastyWorker({ prefetchMultiplier: 1 })
  await worker.sendSlow(20)
  expect(await worker.waiting()).toBe(18)
})

it('takes no more than its slots from a queue with a single active consumer', async () => {
  const queues = [{ name: 'ordered', arguments: { 'x-single-active-consumer': true } }]
  await using worker = await aHastyWorker({ queues })
  await worker.sendSlow(20)
  expect(await worker.waiting()).toBe(18)
})

it('takes no more than its slots where the broker says that there is one', async () => {
  const clock = new ManualClock(Date.now())
  const broker = createMemoryBroker({ clock })
  await using connection = await broker.connect()
  await using channel = await connection.openChannel()
  await channel.declareQueue({ name: 'celery', durable: true, arguments: { 'x-single-active-consumer': true } })
  await using worker = await aHastyWorker({}, { clock, broker })
  await worker.sendSlow(20)
  expect(await worker.waiting()).toBe(18)
})
