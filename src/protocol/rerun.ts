import type { Headers, HeaderValue } from './wire.ts'

/** A header that counts how often the message of a failed task was run again by hand. */
const RERUN = 'x-twq-rerun'

/** Beyond this, runs of one message are not distinguished. */
const MOST_RERUNS = 1_000_000

/**
 * How often a failed task's message was run again by hand; workers use it to distinguish the runs. 0 if the header is missing or
 * not a number. Any sender can write it: its only effect is that the attempt counts as another one.
 */
export function rerunOf(headers: Headers): number {
  return asRerun(headers[RERUN])
}

/** The same for a value that may be this header's. */
export function asRerun(value: HeaderValue | undefined): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? Math.min(value as number, MOST_RERUNS) : 0
}

/** The header of a message that runs again by hand, for the time that `rerun` counts. */
export function rerunHeaders(rerun: number): Record<string, HeaderValue> {
  return { [RERUN]: Math.min(rerun, MOST_RERUNS) }
}
