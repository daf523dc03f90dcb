import { countDue, lastDue, nextDue, type Timing } from './timing.ts'

/** What becomes of due times that passed while nothing was sent: the last one is sent, each of them, or none. */
export type CatchUp = 'last' | 'all' | 'skip'

/** An entry, as far as its due times are concerned. */
export interface Timed {
  readonly timing: Timing
  readonly catchUp: CatchUp
  /** Milliseconds that an occurrence may be sent later than it is due. */
  readonly jitter: number
  /** How much later this one is sent. */
  readonly delay: (due: number) => number
}

/** The next step for an entry. */
export type DueStep =
  /** Nothing before this moment; ever, where it is undefined. */
  | { readonly kind: 'wait'; readonly until: number | undefined }
  /** Send the occurrence that was due then; `missed` others before it are not sent. */
  | { readonly kind: 'send'; readonly due: number; readonly missed: number }
  /** All up to `since` are not sent. */
  | { readonly kind: 'pass'; readonly since: number; readonly missed: number }

/** Missed due times are counted up to here. */
export const MOST_COUNTED = 1_000

/**
 * Decides on an entry whose due times up to `since` have been dealt with; `ledSince` is when the leader began. Moments are milliseconds
 * since the epoch. After a step other than `wait` the caller notes it, and asks again.
 */
export function nextStep(entry: Timed, since: number, now: number, ledSince: number): DueStep {
  const { timing, catchUp, jitter, delay } = entry
  const next = nextDue(timing, since)
  if (next === undefined) return { kind: 'wait', until: undefined }
  const sentAt = next + delay(next)
  if (sentAt > now) return { kind: 'wait', until: sentAt }
  if (catchUp === 'all') return { kind: 'send', due: next, missed: 0 }
  if (catchUp === 'skip' && next < ledSince) {
    const passed = lastDue(timing, since, Math.min(ledSince - 1, now)) ?? next
    return { kind: 'pass', since: passed, missed: countDue(timing, since, passed, MOST_COUNTED - 1) + 1 }
  }
  // Those whose jitter may still run are no gap.
  const last = lastDue(timing, next, now - jitter)
  if (last === undefined) return { kind: 'send', due: next, missed: 0 }
  return { kind: 'send', due: last, missed: countDue(timing, since, last, MOST_COUNTED) }
}
