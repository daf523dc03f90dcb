import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Config } from '../../config/config.ts'
import { queueStatus } from '../../queues/queue-access.ts'

/**
 * The remark that a queue has no consumer, with the next command; undefined if it has one, or if that can't be found out.
 * Looks once and creates nothing. Never rejects.
 */
export async function unconsumed({ broker: url, heartbeat }: Config, queue: string): Promise<string | undefined> {
  try {
    await using connection = await amqpBroker({ url, heartbeat, name: 'twq task send --wait' }).connect()
    const status = await queueStatus(connection, queue)
    if (status !== undefined && status.consumers > 0) return undefined
    return `no worker consumes ${queue}: start one with npx twq worker start -Q ${queue}, or npx twq dev`
  } catch {
    return undefined
  }
}
