import { failedQueue } from '../../protocol/companion-queues.ts'
import type { FailedFilter, FailedMessage } from '../../queues/failed.ts'
import { dropFailed, type FailedSweep, retryFailed } from '../../queues/failed-sweep.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { type SetAsideFlags, timesOf } from '../flags/set-aside-flags.ts'
import { limitOf, rateOf } from '../flags/sweep-flags.ts'
import { connectBeside, dropConfirmed, isUndeclared } from '../quarantine/connect-beside.ts'
import { NamedIds } from '../quarantine/named-ids.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note } from '../terminal/output.ts'
import { failureList } from './failure-list.ts'

/** The flags of `twq failed …`. */
export interface FailedFlags extends SetAsideFlags {
  readonly error?: string
  readonly text?: string
}

/** What `twq failed` does with many failures. */
export type FailedAction = 'retry' | 'drop'

const NOTHING: FailedSweep = {
  meant: 0,
  retried: 0,
  dropped: 0,
  refused: 0,
  reason: undefined,
  withoutChord: 0,
  left: 0,
  unseen: 0,
}

/**
 * `twq failed retry` and `drop`: sends the tasks that failed to their queue again, or drops them for good, which a person has to
 * confirm. Ctrl-C stops it between two of them. Rejects with `TWQ_MESSAGE_MISSING` where no failure has any of the `ids`; 1 where one is missing.
 */
export async function failed(action: FailedAction, ids: readonly string[], flags: FailedFlags): Promise<number> {
  const filter = filterOf(ids, flags)
  const limit = limitOf(flags.limit)
  const rate = rateOf(flags.rate)
  const { connection, queue } = await connectBeside(`failed ${action}`, failedQueue(''), flags)
  await using _ = connection
  const asks = action === 'drop' && flags.dryRun !== true
  if (asks && !(await dropConfirmed(failedQueue(queue), filter, flags))) return EXIT.failed
  const named = new NamedIds(ids)
  return await interruptible(async (signal) => {
    const shown = flags.dryRun === true ? failureList(flags) : undefined
    const onMeant = (message: FailedMessage): void => {
      named.found(message.id)
      shown?.add(message)
    }
    const options = { filter, limit, rate, dryRun: flags.dryRun, clock: systemClock, signal, onMeant }
    const work = action === 'retry' ? retryFailed : dropFailed
    const swept = (await isUndeclared(connection, queue, failedQueue(queue)))
      ? NOTHING
      : await work(connection, queue, options)
    shown?.end()
    const { ids: _, ...filters } = filter
    const searched = { thing: 'failure', queue: failedQueue(queue), list: 'twq failed list', filters }
    const missing = signal.aborted ? EXIT.ok : named.end(searched, swept.unseen, (text) => note(text, flags))
    return Math.max(missing, report(action, swept, flags))
  })
}

/** The filter of the flags and ids. Throws `TWQ_USAGE`. */
export function filterOf(ids: readonly string[], flags: FailedFlags): FailedFilter {
  const { task, error, text } = flags
  const chosen = ids.length === 0 ? undefined : new Set(ids)
  return { task, error, text, ids: chosen, ...timesOf(flags, systemClock.now()) }
}

function report(action: FailedAction, swept: FailedSweep, flags: FailedFlags): number {
  const { meant, retried, dropped, refused, reason, withoutChord, left, unseen } = swept
  if (flags.dryRun)
    note(`${meant} would be: nothing was done${unseen > 0 ? `; ${unseen} more were not looked at` : ''}`, flags)
  else note(`${action === 'retry' ? `${retried} sent again` : `${dropped} dropped`}, ${left} left`, flags)
  if (withoutChord > 0) note(`${withoutChord} of them counted for chords that are over: they run without`, flags)
  if (refused > 0) note(`${refused} can't run again, and stay: ${reason}`, flags)
  return refused > 0 ? EXIT.failed : EXIT.ok
}
