import { afterAll, beforeAll, expect, it } from 'vitest'
import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Delivery } from '../../../src/broker/broker.ts'
import { CarefulConsumers } from '../../../src/broker/channels/careful-consumers.ts'
import { ChannelSet } from '../../../src/broker/channels/channel-set.ts'
import { DeclaringChannels } from '../../../src/broker/channels/declaring-channels.ts'
import { createSession, type Kept, type Session } from '../../../src/broker/session.ts'
import { declareTaskQueue } from '../../../src/broker/topology.ts'
import { isQuorum, plainQueue, type TaskQueue } from '../../../src/protocol/queue/task-queue.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import type { DeliveryReceiver } from '../../../src/worker/consume/consuming-channel.ts'
import { Consumer } from '../../../src/worker/consume/queue-consumer.ts'
import { Moments } from '../../../src/worker/request/moments.ts'
import { type Place, Prefetch } from '../../../src/worker/request/prefetch.ts'
import { brokerFacts } from '../../support/broker-facts.ts'
import { brokerUrl, uniqueName } from '../../support/services.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { Journal, pollUntil } from '../../support/until.ts'

let session: Session
const broker = (name: string) => amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name })

beforeAll(async () => {
  session = createSession({
    broker: broker('consumer test'),
    name: 'consumer test',
    clock: systemClock,
    random: Math.random,
  })
  await session.start()
})
afterAll(() => session.stop({ deadline: AbortSignal.timeout(5_000) }))

interface Received {
  readonly queue: string
  readonly text: string
  readonly delivery: Delivery
}

interface Scene extends AsyncDisposable {
  readonly consumer: Consumer
  readonly prefetch: Prefetch
  readonly received: Journal<Received>
  readonly kept: Kept<ChannelSet>
}

async function aConsumer(queues: readonly TaskQueue[], prefetchCount = 10): Promise<Scene> {
  const received = new Journal<Received>()
  const prefetch = new Prefetch(prefetchCount)
  const declaring = new DeclaringChannels({
    broker: broker('declarations'),
    name: 'declarations',
    session,
    clock: systemClock,
  })
  const consumer = new Consumer({
    queues,
    prefetch,
    declare: async (queue) => {
      await declareTaskQueue(session, queue, ({ error }) => {
        throw error
      })
      return { quorum: isQuorum(queue) }
    },
    careful: new CarefulConsumers({ declaring, giveUp: () => {}, clock: systemClock }),
    moments: new Moments(),
    timeouts: { ended: async () => false },
    clock: systemClock,
    logger: silentLogger,
  })
  const receiver: DeliveryReceiver = {
    receive: (delivery, queue) => void received.push({ queue, text: Buffer.from(delivery.body).toString(), delivery }),
  }
  const kept = session.keepOpened('consumer', {
    open: ChannelSet.open,
    setup: (channel, signal) => consumer.setup(channel, signal, { server: session.connection!.server, receiver }),
  })
  await kept.ready
  return { consumer, prefetch, received, kept, [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() }
}

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
  await using scene = await aConsumer([first])
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
  await using scene = await aConsumer([first])
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
  await using scene = await aConsumer([classic], 1)
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
  await using scene = await aConsumer([queue], 1)
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
  await using scene = await aConsumer([first])
  await expect(scene.consumer.add(plainQueue(taken))).rejects.toThrow(taken)
  expect(scene.consumer.queues).toEqual([first])
  await send(first.name, 'still')
  await scene.received.until(({ text }) => text === 'still')
})
