import { expect, it, onTestFinished } from 'vitest'
import { ChannelSet } from '../../../src/broker/channels/channel-set.ts'
import { createMemoryBroker } from '../../../src/broker/memory/broker.ts'
import { createSession, type Session } from '../../../src/broker/session.ts'
import { declareTaskQueue } from '../../../src/broker/topology.ts'
import { plainQueue } from '../../../src/protocol/queue/task-queue.ts'
import { systemClock } from '../../../src/runtime/time/clock.ts'
import { Consumer, type ConsumerParts } from '../../../src/worker/consume/queue-consumer.ts'
import { Moments } from '../../../src/worker/request/moments.ts'
import { Prefetch } from '../../../src/worker/request/prefetch.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { pollUntil } from '../../support/until.ts'

const QUEUE = plainQueue('celery')

/** Called once the broker has started a consumer, and before one is ended. */
interface Hooks {
  readonly started: (scene: { readonly consumer: Consumer; readonly session: Session }) => Promise<void>
  readonly ending?: (consumer: Consumer) => void
}

/** Consumes a queue of a broker in this process. */
async function aConsumer({ started, ending }: Hooks) {
  const session = createSession({
    broker: createMemoryBroker(),
    name: 'consumer test',
    clock: systemClock,
    random: Math.random,
  })
  await session.start()
  onTestFinished(() => session.stop({ deadline: AbortSignal.timeout(5_000) }))
  const careful: ConsumerParts['careful'] = {
    doubts: () => false,
    prove: async () => {},
    async started(_queue, asked) {
      const subscription = await asked
      await started({ consumer, session })
      return subscription
    },
    async end({ subscription }) {
      ending?.(consumer)
      await subscription.cancel()
    },
  }
  const consumer = new Consumer({
    queues: [QUEUE],
    prefetch: new Prefetch(10),
    async declare(queue) {
      await declareTaskQueue(session, queue, () => {})
      return { quorum: true }
    },
    careful,
    moments: new Moments(),
    timeouts: { ended: async () => false },
    clock: systemClock,
    logger: silentLogger,
  })
  const { ready } = session.keepOpened('consumer', {
    open: ChannelSet.open,
    setup: (channel, signal) =>
      consumer.setup(channel, signal, { server: session.connection!.server, receiver: { receive() {} } }),
  })
  await ready
  return { consumer, session }
}

const consumersAt = (session: Session): Promise<number> =>
  session.withChannel(async (channel) => (await channel.inspectQueue(QUEUE.name)).consumers)

it('consumes a queue again that is deleted while its consumer starts', async () => {
  let starts = 0
  const { consumer, session } = await aConsumer({
    async started({ session }) {
      starts += 1
      if (starts > 1) return
      await session.withChannel((channel) => channel.deleteQueue(QUEUE.name))
      // The broker tells of the end of the consumer meanwhile.
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    },
  })
  await pollUntil(
    'consumer',
    () => consumersAt(session).catch(() => 0),
    (count) => count === 1,
  )
  expect(starts).toBe(2)
  expect(consumer.consuming).toEqual([QUEUE.name])
})

it('consumes a queue after a pause that ends while a consumer is being ended for it', async () => {
  let starts = 0
  const { consumer, session } = await aConsumer({
    async started({ consumer }) {
      starts += 1
      if (starts === 1) void consumer.pause()
    },
    ending: (consumer) => void consumer.resume(),
  })
  await pollUntil(
    'consumer',
    () => consumersAt(session),
    (count) => count === 1 && starts === 2,
  )
  expect(consumer.consuming).toEqual([QUEUE.name])
})
