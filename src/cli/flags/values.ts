import { TwqError } from '../../errors.ts'
import { parseDuration } from '../../runtime/time/duration.ts'

/** A duration as typed, in milliseconds; a bare number is seconds. Throws `TWQ_USAGE`, naming the flag. */
export function milliseconds(flag: string, text: string): number {
  const ms = durationOf(text)
  if (ms !== undefined) return ms
  throw unusable(flag, text, "a duration like '500ms', '10s' or '5m', or a number of seconds")
}

function durationOf(text: string): number | undefined {
  return parseDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text)
}

/** A date as typed. Throws `TWQ_USAGE`, naming the flag. */
export function moment(flag: string, text: string): Date {
  const date = dateOf(text)
  if (date !== undefined) return date
  throw unusable(flag, text, "a date like '2030-01-31T08:00:00Z'")
}

/** A duration as typed, in milliseconds, or a date. Throws `TWQ_USAGE`, naming the flag. */
export function momentOrDuration(flag: string, text: string): Date | number {
  const value = durationOf(text) ?? dateOf(text)
  if (value !== undefined) return value
  throw unusable(flag, text, "a duration like '10m' or a date like '2030-01-31T08:00:00Z'")
}

// ISO 8601 only: what else `Date` accepts, it guesses.
function dateOf(text: string): Date | undefined {
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text)) return undefined
  const date = new Date(text)
  return Number.isNaN(date.getTime()) ? undefined : date
}

/** A whole number as typed, at least 0. Throws `TWQ_USAGE`, naming the flag. */
export function countOf(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw unusable(flag, text, 'a whole number, at least 0')
}

/** The error for a flag's value that can't be used. */
export function unusable(flag: string, text: string, expected: string): TwqError {
  return new TwqError('TWQ_USAGE', `${flag} must be ${expected}, got ${JSON.stringify(text)}`)
}

/** Collects the values of a flag that may be repeated: commander's `parseArg`. */
export function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}
