import type { Connection, Delivery } from '../broker/broker.ts'
import { messageOf } from '../errors.ts'
import { failedQueue } from '../protocol/companion-queues.ts'
import { sentAgain } from '../protocol/headers/suspect.ts'
import type { Rerun } from '../protocol/task/encode-rerun.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { Attempts, type FailedFilter, type FailedMessage, isFailureMeant, readFailed, rerunOf } from './failed.ts'
import { mayHaveStarted } from './quarantine.ts'
import { DROP, KEEP, type SweepAction, sweepQueue } from './sweep-queue.ts'

/** How to go through the failures of a queue. */
export interface FailedSweepOptions {
  readonly filter: FailedFilter
  /** Looks at no more than this many messages. */
  readonly limit?: number | undefined
  /** How many a second may leave; 0, as without one, is no limit. */
  readonly rate?: number | undefined
  /** Nothing is changed, and the counts are what they would be. */
  readonly dryRun?: boolean | undefined
  readonly clock: Clock
  readonly signal?: AbortSignal
  /** Hears of each failure that is meant. */
  readonly onMeant?: (message: FailedMessage) => void
}

/** The counts of a sweep of failures. */
export interface FailedSweep {
  /** Failures that the filter chose, each once however many copies there are. */
  readonly meant: number
  /** Messages that were sent again, or dropped. */
  readonly retried: number
  readonly dropped: number
  /** Those of the meant ones that stay, since they can't run again: with the reason of the first. */
  readonly refused: number
  readonly reason: string | undefined
  /** How many were sent without the chord that they had counted for: it is over. */
  readonly withoutChord: number
  /** Messages that are left, and those among them that were not looked at. */
  readonly left: number
  readonly unseen: number
}

const HEADERS_ONLY = 'it was kept without its arguments'

/**
 * Sends failed tasks to their queue again, oldest first, as runs of their own; see `rerunMessage`. A failure leaves only once the
 * broker has confirmed its new message, and a further copy of one that was sent leaves, too. Rejects with `TWQ_QUEUE_MISSING` where
 * the task queue, or its queue of failures, does not exist: all stay then. `change` gives other arguments.
 */
export function retryFailed(
  connection: Connection,
  queue: string,
  options: FailedSweepOptions,
  change: Pick<Rerun, 'args' | 'kwargs'> = {},
): Promise<FailedSweep> {
  const { dryRun, clock } = options
  return sweep(connection, queue, options, (message, counts, delivery) => {
    try {
      const again = rerunOf(message, queue, { ...change, now: clock.now() })
      if (again === undefined) return refuse(counts, HEADERS_ONLY)
      if (again.leavesChord) counts.withoutChord += 1
      if (dryRun) return KEEP
      const { route, message: next } = again.outgoing
      return { kind: 'send', outgoing: { route, message: mayHaveStarted(delivery) ? sentAgain(next) : next } }
    } catch (error) {
      return refuse(counts, messageOf(error))
    }
  })
}

/** Drops failed tasks for good, with all of their copies. */
export function dropFailed(connection: Connection, queue: string, options: FailedSweepOptions): Promise<FailedSweep> {
  return sweep(connection, queue, options, () => (options.dryRun ? KEEP : DROP))
}

type Counts = { meant: number; copies: number; refused: number; reason: string | undefined; withoutChord: number }

async function sweep(
  connection: Connection,
  queue: string,
  { filter, onMeant, ...options }: FailedSweepOptions,
  act: (message: FailedMessage, counts: Counts, delivery: Delivery) => SweepAction,
): Promise<FailedSweep> {
  const attempts = new Attempts()
  /** The attempts that stay: their further copies do, too. */
  const staying = new Set<string>()
  const counts: Counts = { meant: 0, copies: 0, refused: 0, reason: undefined, withoutChord: 0 }
  const decide = (delivery: Delivery): SweepAction => {
    const message = readFailed(delivery)
    if (message === undefined || !isFailureMeant(message, filter)) return KEEP
    if (!attempts.isNew(message)) {
      if (staying.has(message.attempt)) return KEEP
      counts.copies += 1
      return DROP
    }
    counts.meant += 1
    onMeant?.(message)
    const action = act(message, counts, delivery)
    if (action.kind === 'keep') staying.add(message.attempt)
    return action
  }
  const { kept, dropped, sent, unseen } = await sweepQueue(connection, failedQueue(queue), { ...options, decide })
  const { copies, ...told } = counts
  return { ...told, retried: sent, dropped: dropped - copies, left: kept + unseen, unseen }
}

function refuse(counts: Counts, reason: string): SweepAction {
  counts.refused += 1
  counts.reason ??= reason
  return KEEP
}
