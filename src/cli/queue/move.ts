import type { Delivery } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import { movedMessage } from '../../queues/moved-message.ts'
import { withChannel } from '../../queues/queue-access.ts'
import { KEEP, type SweepAction, sweepQueue } from '../../queues/sweep-queue.ts'
import { matchesGlob } from '../../runtime/text/glob.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { limitOf, rateOf } from '../flags/sweep-flags.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note } from '../terminal/output.ts'
import { connect, spareSuspects } from './connect.ts'
import { identityOf } from './identity.ts'

/** The flags of `twq queue move`. */
export interface MoveFlags extends GlobalOptions {
  readonly task?: string
  readonly id?: string
  readonly limit?: string
  readonly rate?: string
  readonly dryRun?: boolean
  readonly force?: boolean
}

/**
 * `twq queue move <from> <to>`: moves the messages that are in a queue now, all or the selected ones, in order. Each
 * is removed once the broker has confirmed it in the other queue; Ctrl-C stops between two.
 */
export async function queueMove(from: string, to: string, flags: MoveFlags): Promise<number> {
  if (from === to) throw new TwqError('TWQ_USAGE', 'both queues are the same')
  const limit = limitOf(flags.limit)
  const rate = rateOf(flags.rate)
  if (flags.dryRun || flags.task !== undefined || flags.id !== undefined) spareSuspects(from, flags.force)
  const { connection } = await connect('move', flags)
  await using _ = connection
  await withChannel(connection, (channel) => channel.inspectQueue(to))
  return await interruptible(async (signal) => {
    let meant = 0
    const decide = (delivery: Delivery): SweepAction => {
      if (!isMeant(delivery, flags)) return KEEP
      meant += 1
      return flags.dryRun ? KEEP : { kind: 'send', outgoing: movedMessage(delivery, to) }
    }
    const { kept, sent, unseen } = await sweepQueue(connection, from, {
      decide,
      limit,
      rate,
      clock: systemClock,
      signal,
    })
    note(flags.dryRun ? `${meant} would be moved: nothing was done` : `${sent} moved, ${kept + unseen} left`, flags)
    if (kept > 0) note(`the broker calls the ${kept} that stay redelivered from now on`, flags)
    return EXIT.ok
  })
}

function isMeant(delivery: Delivery, { task, id }: MoveFlags): boolean {
  if (task === undefined && id === undefined) return true
  const identity = identityOf(delivery)
  return (
    (task === undefined || (identity.task !== undefined && matchesGlob(identity.task, task))) &&
    (id === undefined || identity.id === id)
  )
}
