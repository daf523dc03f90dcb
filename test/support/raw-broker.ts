import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import type { Channel, Delivery, QueueStatus } from '../../src/broker/broker.ts'
import type { WireMessage } from '../../src/protocol/wire.ts'
import { brokerUrl } from './services.ts'
import { pollUntil } from './until.ts'

/** Lends a channel on a connection of its own. */
export async function withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
  await using connection = await amqpBroker({ url: brokerUrl(), heartbeat: 10_000, name: 'test' }).connect()
  await using channel = await connection.openChannel()
  return await use(channel)
}

/** Publishes bytes to a queue as they are. */
export async function publishRaw(queue: string, message: Partial<WireMessage>): Promise<void> {
  const answer = await withChannel((channel) =>
    channel.publish(
      { exchange: '', routingKey: queue },
      { properties: {}, headers: {}, body: Buffer.alloc(0), ...message },
      { mandatory: true },
    ),
  )
  if (answer === 'returned') throw new Error(`there is no queue ${queue}`)
}

/** Takes the next `count` messages of a queue for good. */
export async function take(queue: string, count: number): Promise<Delivery[]> {
  return await withChannel(
    (channel) =>
      new Promise((resolve, reject) => {
        const taken: Delivery[] = []
        const onDelivery = (delivery: Delivery): void => {
          taken.push(delivery)
          if (taken.length === count) resolve(taken)
        }
        channel.consume(queue, onDelivery, { noAck: true }).catch(reject)
      }),
  )
}

/** What the broker says of a queue, once it says what is hoped for. */
export function queueOnce(queue: string, accept: (status: QueueStatus) => boolean): Promise<QueueStatus> {
  return pollUntil(`queue ${queue}`, () => withChannel((channel) => channel.inspectQueue(queue)), accept)
}
