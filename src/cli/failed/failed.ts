import type { Connection } from '../../broker/broker.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import type { FailedFilter, FailedMessage } from '../../queues/failed.ts'
import { dropFailed, type FailedSweep, retryFailed } from '../../queues/failed-sweep.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { limitOf, momentOf, rateOf } from '../flags/sweep-flags.ts'
import { connectBeside } from '../quarantine/connect-beside.ts'
import { confirmed } from '../terminal/confirm.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note } from '../terminal/output.ts'
import { failureList } from './failure-list.ts'

/** The flags of `twq failed …`. */
export interface FailedFlags extends GlobalOptions {
  readonly queue?: string
  readonly task?: string
  readonly error?: string
  readonly text?: string
  readonly since?: string
  readonly olderThan?: string
  readonly limit?: string
  readonly rate?: string
  readonly dryRun?: boolean
  readonly yes?: boolean
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
 * confirm. Ctrl-C stops it between two of them.
 */
export async function failed(action: FailedAction, ids: readonly string[], flags: FailedFlags): Promise<number> {
  const filter = filterOf(ids, flags)
  const limit = limitOf(flags.limit)
  const rate = rateOf(flags.rate)
  const { connection, queue } = await connectBeside(`failed ${action}`, failedQueue(''), flags)
  await using _ = connection
  const name = failedQueue(queue)
  if (action === 'drop' && flags.dryRun !== true) {
    const all = Object.values(filter).every((value) => value === undefined)
    const which = all ? 'the messages' : 'the messages that the filters choose'
    if (!(await confirmed(`this drops ${which} of ${name}`, name, flags.yes))) {
      note('nothing was done', flags)
      return EXIT.failed
    }
  }
  return await interruptible(async (signal) => {
    const shown = flags.dryRun === true ? failureList(flags) : undefined
    const onMeant = (message: FailedMessage): void => shown?.add(message)
    const options = { filter, limit, rate, dryRun: flags.dryRun, clock: systemClock, signal, onMeant }
    const work = action === 'retry' ? retryFailed : dropFailed
    const swept = (await isEmpty(connection, queue)) ? NOTHING : await work(connection, queue, options)
    shown?.end()
    return report(action, swept, flags)
  })
}

/** The filter of the flags and ids. Throws `TWQ_USAGE`. */
export function filterOf(ids: readonly string[], { task, error, text, since, olderThan }: FailedFlags): FailedFilter {
  const now = systemClock.now()
  return {
    task,
    error,
    text,
    ids: ids.length === 0 ? undefined : new Set(ids),
    since: momentOf('--since', since, now),
    before: momentOf('--older-than', olderThan, now),
  }
}

/** No worker has declared the queue of failures yet. Where there is no such task queue at all the name is wrong, and reading says so. */
export async function isEmpty(connection: Connection, queue: string): Promise<boolean> {
  if ((await queueStatus(connection, failedQueue(queue))) !== undefined) return false
  return (await queueStatus(connection, queue)) !== undefined
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
