import { amqpBroker } from '../../../src/broker/amqp/amqp-broker.ts'
import type { Delivery } from '../../../src/broker/broker.ts'
import { CarefulConsumers } from '../../../src/broker/channels/careful-consumers.ts'
import { ChannelSet } from '../../../src/broker/channels/channel-set.ts'
import { DeclaringChannels } from '../../../src/broker/channels/declaring-channels.ts'
import { createSession, type Kept, type Session } from '../../../src/broker/session.ts'
import { declareTaskQueue } from '../../../src/broker/topology.ts'
import { isQuorum, type TaskQueue } from '../../../src/protocol/queue/task-queue.ts'
import { type Clock, systemClock } from '../../../src/runtime/time/clock.ts'
import { Consumer } from '../../../src/worker/consume/queue-consumer.ts'
import type { DeliveryReceiver } from '../../../src/worker/consume/queue-consumers.ts'
import { Moments } from '../../../src/worker/request/moments.ts'
import { Prefetch } from '../../../src/worker/request/prefetch.ts'
import { brokerUrl } from '../../support/services.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { Journal } from '../../support/until.ts'

/** A broker for connections of this name. */
export const broker = (name: string) => amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name })

/** A message that a consumer got. */
export interface Received {
  readonly queue: string
  readonly text: string
  readonly delivery: Delivery
}

/** A consumer of task queues without a worker, and what it got. */
export interface ConsumerScene extends AsyncDisposable {
  readonly consumer: Consumer
  readonly prefetch: Prefetch
  readonly received: Journal<Received>
  readonly kept: Kept<ChannelSet>
}

/** A session for consumers, started. */
export async function aSession(): Promise<Session> {
  const session = createSession({
    broker: broker('consumer test'),
    name: 'consumer test',
    clock: systemClock,
    random: Math.random,
  })
  await session.start()
  return session
}

/** Consumes the queues; `onReceived` is told of each message as it comes. */
export async function aConsumer(
  session: Session,
  queues: readonly TaskQueue[],
  {
    prefetchCount = 10,
    onReceived = () => {},
    clock = systemClock,
  }: { prefetchCount?: number; onReceived?: (received: Received) => void; clock?: Clock } = {},
): Promise<ConsumerScene> {
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
      return { quorum: isQuorum(queue), singleActive: queue.arguments['x-single-active-consumer'] === true }
    },
    careful: new CarefulConsumers({ declaring, giveUp: () => {}, clock: systemClock }),
    moments: new Moments(),
    timeouts: { ended: async () => false },
    clock,
    logger: silentLogger,
  })
  const receiver: DeliveryReceiver = {
    receive(delivery, queue) {
      const one = { queue, text: Buffer.from(delivery.body).toString(), delivery }
      received.push(one)
      onReceived(one)
    },
  }
  const kept = session.keepOpened('consumer', {
    open: ChannelSet.open,
    setup: (channel, signal) => consumer.setup(channel, signal, { server: session.connection!.server, receiver }),
  })
  await kept.ready
  return { consumer, prefetch, received, kept, [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() }
}
