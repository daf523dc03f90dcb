import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Session } from '../../../src/broker/session.ts'
import { plainQueue, type TaskQueue } from '../../../src/protocol/queue/task-queue.ts'
import type { Place } from '../../../src/worker/request/prefetch.ts'
import { brokerFacts } from '../../support/broker-facts.ts'
import { uniqueName } from '../../support/services.ts'
import { pollUntil } from '../../support/until.ts'
import { aConsumer, aSession, broker } from './a-consumer.ts'

let session: Session

beforeAll(async () => {
  session = await aSession()
})
afterAll(() => session.stop({ deadline: AbortSignal.timeout(5_000) }))

async function send(queue: string, ...texts: string[]): Promise<void> {
  await session.withChannel(async (channel) => {
    for (const text of texts) {
      const message = { properties: {}, headers: {}, body: Buffer.from(text) }
      expect(await channel.publish({ exchange: '', routingKey: queue }, message, { mandatory: true })).toBe('confirmed')
    }
  })
}

const quorumQueue = (name: string): TaskQueue => ({ ...plainQueue(name), arguments: { 'x-queue-type': 'quorum' } })

it('consumes a queue that is added while it runs, and no more once it is removed', async () => {
  const [first, second] = [plainQueue(uniqueName('first')), plainQueue(uniqueName('second'))]
  await using scene = await aConsumer(session, [first])
  await scene.consumer.add(second)
  expect(scene.consumer.consuming).toEqual([first.name, second.name])
  await send(second.name, 'one')
  const { delivery } = await scene.received.until(({ text }) => text === 'one')
  delivery.ack()
  expect(await scene.consumer.remove(second.name)).toBe(true)
  expect(await scene.consumer.remove(second.name)).toBe(false)
  await send(second.name, 'two')
  await send(first.name, 'three')
  await scene.received.until(({ text }) => text === 'three')
  const left = await session.withChannel((channel) => channel.inspectQueue(second.name))
  expect(left).toMatchObject({ messages: 1, consumers: 0 })
})

it('consumes on the next channel what was added, and not what was removed', async () => {
  const [first, second] = [plainQueue(uniqueName('first')), plainQueue(uniqueName('second'))]
  await using scene = await aConsumer(session, [first])
  await scene.consumer.add(second)
  await scene.consumer.remove(first.name)
  await scene.kept.channel![Symbol.asyncDispose]()
  await send(second.name, 'again')
  await scene.received.until(({ text }) => text === 'again')
  expect(scene.consumer.queues).toEqual([second])
  const left = await session.withChannel((channel) => channel.inspectQueue(first.name))
  expect(left.consumers).toBe(0)
})

it('gives each consumer a limit of its own once a quorum queue comes in', async () => {
  const [classic, quorum] = [plainQueue(uniqueName('classic')), quorumQueue(uniqueName('quorum'))]
  await using scene = await aConsumer(session, [classic], { prefetchCount: 1 })
  await scene.consumer.add(quorum)
  await send(classic.name, 'c1', 'c2')
  await send(quorum.name, 'q1', 'q2')
  const { delivery } = await scene.received.until(({ text }) => text === 'c1')
  await scene.received.until(({ text }) => text === 'q1')
  expect(scene.received.entries).toHaveLength(2)
  delivery.ack()
  await scene.received.until(({ text }) => text === 'c2')
  // Held for later, it makes room for the next one.
  scene.prefetch.hold()
  await scene.received.until(({ text }) => text === 'q2')
})

it.each([
  ['classic', plainQueue],
  ['quorum', quorumQueue],
])('consumes a %s queue on another channel once many of its tasks are held for later', async (_type, queueOf) => {
  const queue = queueOf(uniqueName('held'))
  await using scene = await aConsumer(session, [queue], { prefetchCount: 1 })
  const { received, prefetch, kept, consumer } = scene
  await send(queue.name, ...Array.from({ length: 450 }, (_, n) => `held ${n}`), 'last')
  const places: Place[] = []
  for (let n = 0; n < 450; n += 1) {
    await received.until(({ text }) => text === `held ${n}`)
    places.push(prefetch.hold())
  }
  const { delivery } = await received.until(({ text }) => text === 'last')
  // Each consumer that takes over from another on the same channel has a limit of its own: as those of quorum queues do, and
  // all where no limit is shared.
  const shared = brokerFacts().sharedPrefetch && queue.arguments?.['x-queue-type'] !== 'quorum'
  const channels = shared ? 3 : 2
  await pollUntil(
    'another channel',
    () => kept.channel!.length,
    (length) => length >= channels,
  )
  expect(consumer.consuming).toEqual([queue.name])
  expect(delivery.ack()).toBe(true)
  // As they become due.
  for (const [n, entry] of received.entries.slice(0, 450).entries()) {
    expect(entry.delivery.ack()).toBe(true)
    prefetch.release(places[n]!)
  }
  await send(queue.name, 'next')
  await received.until(({ text }) => text === 'next')
  expect(received.entries).toHaveLength(452)
  expect((await kept.channel!.inspectQueue(queue.name)).messages).toBe(0)
})

it('rejects a queue that belongs to another connection, and goes on with the others', async () => {
  const [first, taken] = [plainQueue(uniqueName('first')), uniqueName('taken')]
  await using other = await broker('other').connect()
  await using channel = await other.openChannel()
  await channel.declareQueue({ name: taken, durable: false, exclusive: true })
  await using scene = await aConsumer(session, [first])
  await expect(scene.consumer.add(plainQueue(taken))).rejects.toThrow(taken)
  expect(scene.consumer.queues).toEqual([first])
  await send(first.name, 'still')
  await scene.received.until(({ text }) => text === 'still')
})
