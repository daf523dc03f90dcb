import { amqpBroker } from '../../broker/amqp/amqp-broker.ts'
import type { Connection } from '../../broker/broker.ts'
import { giveUpWhenBlocked } from '../../broker/give-up-when-blocked.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'
import { confirmed } from '../terminal/confirm.ts'
import { note } from '../terminal/output.ts'

/** What a command about the queue beside a task queue works with. */
export interface Beside {
  readonly connection: Connection
  readonly config: Config
  /** The task queue. */
  readonly queue: string
}

/** Connects for `command`, about the task queue that `--queue` names: throws `TWQ_USAGE` where it names the one beside it, by its `suffix`. */
export async function connectBeside(
  command: string,
  suffix: string,
  flags: GlobalOptions & { readonly queue?: string },
): Promise<Beside> {
  const { config } = await loadConfig(command, flags)
  const [family] = command.split(' ')
  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: `twq ${family}` })
  const queue = flags.queue ?? config.defaultQueue
  if (queue.endsWith(suffix)) {
    throw new TwqError('TWQ_USAGE', `--queue names the queue that the messages came from, got "${queue}"`, {
      hint: `Say --queue ${queue.slice(0, -suffix.length)}`,
    })
  }
  const connection = await broker.connect()
  giveUpWhenBlocked(connection)
  return { connection, config, queue }
}

/**
 * Whether no worker has declared the queue `beside` a task queue yet: there is nothing in it. Where there is no such task queue
 * either the name is wrong, which is false here, and reading says so.
 */
export async function isUndeclared(connection: Connection, queue: string, beside: string): Promise<boolean> {
  if ((await queueStatus(connection, beside)) !== undefined) return false
  return (await queueStatus(connection, queue)) !== undefined
}

/** Has a person confirm that the messages of the queue `name` that pass `filter` are dropped; says so where they are not. */
export async function dropConfirmed(
  name: string,
  filter: object,
  flags: GlobalOptions & { readonly yes?: boolean },
): Promise<boolean> {
  const all = Object.values(filter).every((value) => value === undefined)
  const which = all ? 'the messages' : 'the messages that the filters choose'
  const sure = await confirmed(`this drops ${which} of ${name}`, name, flags.yes)
  if (!sure) note('nothing was done', flags)
  return sure
}
