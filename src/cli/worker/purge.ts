import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { withChannel } from '../../queues/queue-access.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { confirmed } from '../terminal/confirm.ts'

/** Drops what waits in the queues of a worker that is about to start, once a person has confirmed it; false when not. */
export async function purgeQueues(config: Config, logger: EventLogger, yes: boolean | undefined): Promise<boolean> {
  const { broker: url, heartbeat, queues } = config
  const names = queues.map(({ name }) => name).join(',')
  if (!(await confirmed(`this drops what waits in ${names}`, names, yes))) return false
  await using connection = await amqpBroker({ url, heartbeat, name: 'twq worker start --purge' }).connect()
  for (const { name: queue } of queues) {
    try {
      const messages = await withChannel(connection, (channel) => channel.purgeQueue(queue))
      logger.warn({ event: 'queue.purged', queue, messages }, 'purged')
    } catch (error) {
      // It is declared when the worker starts.
      if (!TwqError.is(error, 'TWQ_QUEUE_MISSING')) throw error
    }
  }
  return true
}
