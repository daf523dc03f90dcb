import type { Connection } from '../../broker/broker.ts'
import { readRefusal } from '../../broker/failures.ts'
import { TwqError } from '../../errors.ts'
import { withChannel } from '../../queues/queue-access.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { confirmed } from '../terminal/confirm.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note } from '../terminal/output.ts'
import { connect } from './connect.ts'

/** The flags of `twq queue purge` and `twq queue delete`. */
export interface RemoveFlags extends GlobalOptions {
  readonly yes?: boolean
  readonly force?: boolean
}

const NOT_IMPLEMENTED = 540

/** `twq queue purge <name>`: drops what is ready in a queue, once a person has confirmed it. */
export async function queuePurge(name: string, flags: RemoveFlags): Promise<number> {
  const { connection } = await connect('purge', flags)
  await using _ = connection
  const { messages } = await withChannel(connection, (channel) => channel.inspectQueue(name))
  if (!(await confirmed(`this drops the ${countOf(messages)} of ${name}`, name, flags.yes))) return undone(flags)
  const purged = await withChannel(connection, (channel) => channel.purgeQueue(name))
  note(`${countOf(purged)} purged; what workers hold is not among them`, flags)
  return EXIT.ok
}

/** `twq queue delete <name>`: deletes a queue that is empty and unused, or with `--force` any, once it is confirmed. */
export async function queueDelete(name: string, flags: RemoveFlags): Promise<number> {
  const { connection } = await connect('delete', flags)
  await using _ = connection
  const { messages, consumers } = await withChannel(connection, (channel) => channel.inspectQueue(name))
  if (!flags.force) refuseUsed(name, messages, consumers)
  if (!(await confirmed(`this deletes ${name} with ${countOf(messages)}`, name, flags.yes))) return undone(flags)
  const deleted = flags.force
    ? await withChannel(connection, (channel) => channel.deleteQueue(name))
    : await deleteUnused(connection, name, flags)
  note(`${name} is deleted, and ${countOf(deleted)} with it`, flags)
  return EXIT.ok
}

function refuseUsed(name: string, messages: number, consumers: number): void {
  if (messages === 0 && consumers === 0) return
  const what = [
    ...(messages > 0 ? [`holds ${countOf(messages)}`] : []),
    ...(consumers > 0 ? [`has ${consumers} consumer${consumers === 1 ? '' : 's'}`] : []),
  ]
  throw new TwqError('TWQ_QUEUE_IN_USE', `${name} ${what.join(' and ')}`, {
    hint: `Move the messages away (twq queue move ${name} <to>) and stop its workers, or insist: --force`,
  })
}

/** The broker looks once more, since something may have come meanwhile. */
async function deleteUnused(connection: Connection, name: string, flags: GlobalOptions): Promise<number> {
  try {
    return await withChannel(connection, (channel) => channel.deleteQueue(name, { ifUnused: true, ifEmpty: true }))
  } catch (error) {
    // Quorum queues do not support these conditions, and RabbitMQ closes the connection: check them here instead.
    if (!(error instanceof Error) || readRefusal(error.cause)?.code !== NOT_IMPLEMENTED) throw error
    const { connection: another } = await connect('delete', { ...flags, quiet: true })
    await using _ = another
    return await withChannel(another, async (channel) => {
      const { messages, consumers } = await channel.inspectQueue(name)
      refuseUsed(name, messages, consumers)
      return await channel.deleteQueue(name)
    })
  }
}

function undone(flags: GlobalOptions): number {
  note('nothing was done', flags)
  return EXIT.failed
}

function countOf(messages: number): string {
  return `${messages} message${messages === 1 ? '' : 's'}`
}
