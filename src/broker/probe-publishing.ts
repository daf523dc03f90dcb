import { randomUUID } from 'node:crypto'
import { TwqError } from '../errors.ts'
import type { Broker, Channel } from './broker.ts'

/**
 * Publishes an empty message through the default exchange to a queue that does not exist: it comes back and leaves no trace.
 * Rejects with `TWQ_BROKER_PERMISSION` where this user may not publish there, as results, retries and copies are.
 */
export async function probePublishing(channel: Pick<Channel, 'publish'>): Promise<void> {
  const route = { exchange: '', routingKey: `twq.probe.${randomUUID()}` }
  await channel.publish(route, { properties: {}, headers: {}, body: new Uint8Array() }, { mandatory: true })
}

/**
 * Rejects with `TWQ_BROKER_PERMISSION` where this user may not publish to queues; resolves where it may, and where the broker
 * does not say. On a connection of its own: RabbitMQ reads nothing more from one that publishes while memory is low.
 */
export async function ensureMayPublish(broker: Broker, name: string): Promise<void> {
  try {
    const connection = await broker.connect({ name })
    try {
      const blocked = new Promise<void>((resolve) => connection.onBlocked(() => resolve()))
      const channel = await connection.openChannel()
      await Promise.race([probePublishing(channel), blocked])
    } finally {
      if (connection.blocked === undefined) await connection[Symbol.asyncDispose]()
      else connection.destroy(new TwqError('TWQ_BROKER_BLOCKED', 'the broker takes no messages'))
    }
  } catch (error) {
    if (TwqError.is(error, 'TWQ_BROKER_PERMISSION')) throw error
  }
}
