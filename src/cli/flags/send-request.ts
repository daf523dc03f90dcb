import { TwqError } from '../../errors.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import type { SendOptions } from '../../tasks/sending.ts'

/** The flags of `twq task send`, as commander keeps them. */
export interface SendFlags {
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly retries?: string
  readonly timeLimit?: string
  readonly softTimeLimit?: string
  readonly countdown?: string
  readonly eta?: string
  readonly expires?: string
  readonly taskId?: string
  readonly priority?: string
  readonly header?: readonly string[]
}

/** How the message is to be sent. Throws `TWQ_USAGE`, naming the flag. */
export function sendOptions(flags: SendFlags): SendOptions {
  const { queue, exchange, routingKey, countdown, eta, expires, taskId, priority, header } = flags
  const { retries, timeLimit, softTimeLimit } = flags
  if (countdown !== undefined && eta !== undefined) {
    throw new TwqError('TWQ_USAGE', '--countdown and --eta both say when to run; give one of them')
  }
  return {
    ...(queue !== undefined && { queue: notEmpty('--queue', queue) }),
    ...(exchange !== undefined && { exchange: notEmpty('--exchange', exchange) }),
    ...(routingKey !== undefined && { routingKey }),
    ...(retries !== undefined && { retries: countOf('--retries', retries) }),
    ...(timeLimit !== undefined && { timeLimit: milliseconds('--time-limit', timeLimit) }),
    ...(softTimeLimit !== undefined && { softTimeLimit: milliseconds('--soft-time-limit', softTimeLimit) }),
    ...(taskId !== undefined && { taskId: notEmpty('--task-id', taskId) }),
    ...(countdown !== undefined && { countdown: milliseconds('--countdown', countdown) }),
    ...(eta !== undefined && { eta: moment('--eta', eta) }),
    ...(expires !== undefined && { expires: momentOrDuration('--expires', expires) }),
    ...(priority !== undefined && { priority: priorityOf(priority) }),
    ...(header !== undefined && { headers: Object.fromEntries(header.map(headerOf)) }),
  }
}

/** A duration as typed, in milliseconds; a bare number is seconds. Throws `TWQ_USAGE`, naming the flag. */
export function milliseconds(flag: string, text: string): number {
  const ms = durationOf(text)
  if (ms !== undefined) return ms
  throw unusable(flag, text, "a duration like '500ms', '10s' or '5m', or a number of seconds")
}

function durationOf(text: string): number | undefined {
  return parseDuration(/^\d+(\.\d+)?$/.test(text) ? `${text}s` : text)
}

function moment(flag: string, text: string): Date {
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

function priorityOf(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text)
  throw unusable('--priority', text, 'a whole number from 0 to 255')
}

function countOf(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw unusable(flag, text, 'a whole number, at least 0')
}

function headerOf(text: string): [string, string] {
  const at = text.indexOf('=')
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
  throw unusable('--header', text, 'of the form name=value')
}

function notEmpty(flag: string, text: string): string {
  if (text !== '') return text
  throw unusable(flag, text, 'a name')
}

function unusable(flag: string, text: string, expected: string): TwqError {
  return new TwqError('TWQ_USAGE', `${flag} must be ${expected}, got ${JSON.stringify(text)}`)
}
