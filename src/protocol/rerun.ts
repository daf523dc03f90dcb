import type { Headers, HeaderValue } from './wire.ts'

/** A number that counts how often the message of a failed task was run again by hand. */
const RERUN = 'x-twq-rerun'

/** More runs of one message are not told apart. */
const MOST_RERUNS = 1_000_000

/**
 * How often the task of a message was run again by hand after it had failed: a worker tells these runs from each other by it.
 * 0 where it was not, and where a header says no number. Any sender can write it: it only makes the attempt another one.
 */
export function rerunOf(headers: Headers): number {
  return asRerun(headers[RERUN])
}

/** The same of a value that may have been its header. */
export function asRerun(value: HeaderValue | undefined): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? Math.min(value as number, MOST_RERUNS) : 0
}

/** The header of a message that runs again by hand, for the time that `rerun` counts. */
export function rerunHeaders(rerun: number): Record<string, HeaderValue> {
  return { [RERUN]: Math.min(rerun, MOST_RERUNS) }
}
