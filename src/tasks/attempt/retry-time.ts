import { messageOf, TwqError } from '../../errors.ts'
import { closest } from '../../runtime/text/closest.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import { shownValue } from '../../runtime/text/shown-value.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import type { RetryOptions } from '../retry-options.ts'

const OPTIONS = [
  'countdown',
  'eta',
  'cause',
  'limit',
  'expires',
  'args',
  'kwargs',
] as const satisfies readonly (keyof RetryOptions)[]
const LONGEST_SHOWN = 100
/** Other names that users may try for a countdown. */
const ALIASES: ReadonlySet<string> = new Set(['in', 'delay', 'after'])

/**
 * When a requested retry is due, in milliseconds since the epoch; undefined if its options leave that to the policy. A past time
 * means now: a negative countdown, accepted by Celery too, results from `until - now`. Throws `TWQ_ARGUMENTS` for unknown or
 * invalid options.
 */
export function retryTime(options: RetryOptions, now: number): number | undefined {
  checkNames(options)
  checkLimit(options)
  const { countdown, eta } = options
  if (countdown !== undefined && eta !== undefined)
    throw misuse('eta and countdown of a retry both say when to start', 'Give one of them')
  if (countdown !== undefined) return now + delayOf(countdown)
  if (eta === undefined) return undefined
  if (eta instanceof Date && !Number.isNaN(eta.getTime())) return Math.max(now, eta.getTime())
  throw misuse(`a retry's eta must be a valid Date, got ${messageOf(eta)}`, 'A delay from now is its countdown')
}

/**
 * The latest start of the next attempt, in milliseconds since the epoch; undefined keeps the message's own. Throws
 * `TWQ_ARGUMENTS`.
 */
export function retryExpiry({ expires }: RetryOptions, now: number): number | undefined {
  if (expires === undefined) return undefined
  if (expires instanceof Date && !Number.isNaN(expires.getTime())) return expires.getTime()
  const milliseconds = parseDuration(expires)
  if (milliseconds !== undefined) return now + milliseconds
  throw misuse(`a retry's expires must be a valid Date, or a duration from now, got ${shownValue(expires)}`, WRITE)
}

function checkLimit({ limit }: RetryOptions): void {
  if (limit === undefined || limit === null || (Number.isSafeInteger(limit) && limit >= 0)) return
  throw misuse(`a retry's limit must be a whole number, or null for none, got ${shownValue(limit)}`, WRITE)
}

function checkNames(options: RetryOptions): void {
  if (typeof options !== 'object' || options === null)
    throw misuse(`a retry takes an object of options, got ${shownValue(options)}`, WRITE)
  const unknown = Object.keys(options).find((name) => !OPTIONS.some((known) => known === name))
  if (unknown === undefined) return
  const meant = ALIASES.has(unknown) ? 'countdown' : closest(unknown, OPTIONS)
  const name = cutText(unknown, LONGEST_SHOWN)
  // In the message itself: the result backend and Python callers get no hint.
  if (meant !== undefined) throw misuse(`unknown retry option '${name}': write '${meant}'`, WRITE)
  throw misuse(`unknown retry option '${name}'`, `There are: ${OPTIONS.join(', ')}`)
}

function delayOf(countdown: number | string): number {
  if (typeof countdown === 'number' && countdown < 0 && Number.isFinite(countdown)) return 0
  const milliseconds = parseDuration(countdown)
  if (milliseconds !== undefined) return milliseconds
  throw misuse(`a retry's countdown must be milliseconds or a duration, got ${shownValue(countdown)}`, WRITE)
}

const WRITE = "Write for example ctx.retry({ countdown: '30s' })"

const misuses = new WeakSet<object>()

function misuse(problem: string, hint: string): TwqError {
  const error = new TwqError('TWQ_ARGUMENTS', problem, { hint })
  misuses.add(error)
  return error
}

/** Whether it is the error of an invalid retry: a policy must not answer that with a retry. */
export function isRetryMisuse(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && misuses.has(thrown)
}
