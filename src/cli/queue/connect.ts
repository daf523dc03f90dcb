import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Connection } from '../../broker/broker.ts'
import { giveUpWhenBlocked } from '../../broker/give-up-when-blocked.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { failedQueue, quarantineQueue, suspectsQueue } from '../../protocol/companion-queues.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'

/** A connection for `twq queue …`, and the configuration it was made by. */
export async function connect(
  verb: string,
  flags: GlobalOptions,
): Promise<{ readonly connection: Connection; readonly config: Config }> {
  const { config } = await loadConfig(`queue ${verb}`, flags)
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: 'twq queue' })
  const connection = await broker.connect()
  giveUpWhenBlocked(connection)
  return { connection, config }
}

/** A task queue and those beside it. */
export function withCompanions(queue: string): readonly string[] {
  return [queue, quarantineQueue(queue), suspectsQueue(queue), failedQueue(queue)]
}

/**
 * Throws `TWQ_USAGE` for a queue of suspects, unless `force`: taking a message there and returning it looks like a worker that died of it,
 * and the next worker may quarantine the message.
 */
export function spareSuspects(queue: string, force: boolean | undefined): void {
  if (force || !queue.endsWith(suspectsQueue(''))) return
  throw new TwqError('TWQ_USAGE', `reading a message of ${queue} counts as a start that killed its worker`, {
    hint: 'Look for task.suspected in the log, move the whole queue, or read it anyway with --force',
  })
}
