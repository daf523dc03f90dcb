import { closest } from '../runtime/text/closest.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { parseDuration } from '../runtime/time/duration.ts'

/** When and how often a task is retried. Durations are milliseconds or texts like `'30s'`. */
export interface RetryPolicy {
  /** The maximum number of retries after the first attempt; Celery's `max_retries`. Default 3; `null` for no limit. */
  readonly limit?: number | null
  readonly delay?: {
    /** The delay before the first retry. Default 1 s. */
    readonly base?: number | string
    /** The factor for each further delay. Default 2. */
    readonly factor?: number
    /** The longest delay. Default 10 min. */
    readonly max?: number | string
    /** Choose a random delay between 0 and the computed one. Default true. */
    readonly jitter?: boolean
  }
  /**
   * False: errors are not retried automatically, only when the code calls `ctx.retry()`, within `limit` and with `delay`. Default
   * true.
   */
  readonly automatic?: boolean
  /** Only matching errors are retried: classes, names, or a predicate. Without it every error is. */
  readonly on?: RetryMatch | readonly RetryMatch[]
  /** Matching errors are never retried; takes precedence over `on`. */
  readonly never?: RetryMatch | readonly RetryMatch[]
}

/** An error class, an error's name, or a predicate. */
export type RetryMatch = (new (...args: never[]) => Error) | string | ((error: unknown) => boolean)

/** The decision on a failed attempt; `at` is in milliseconds since the epoch. */
export type RetryDecision =
  | { readonly kind: 'retry'; readonly at: number }
  /** It was retried as often as the policy allows. */
  | { readonly kind: 'give-up' }
  /** There is no policy, or the policy does not retry this error. */
  | { readonly kind: 'not-covered' }

/** The failed attempt to decide about. */
export interface RetryFacts {
  /** The number of retries before this attempt: 0 on the first. */
  readonly retries: number
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Uniform in 0..1, 1 excluded. */
  readonly random: () => number
}

/** Decides about an attempt that threw `error`. */
export function nextRetry(
  policy: RetryPolicy | undefined,
  facts: RetryFacts & { readonly error: unknown; readonly limit?: number | null | undefined },
): RetryDecision {
  if (policy === undefined || policy.automatic === false) return { kind: 'not-covered' }
  if (matches(policy.never, facts.error)) return { kind: 'not-covered' }
  if (policy.on !== undefined && !matches(policy.on, facts.error)) return { kind: 'not-covered' }
  return requestedRetry(policy, facts)
}

/** Decides about a retry that the task's own code requested, with `at` and `limit` as requested: `on` and `never` don't apply. */
export function requestedRetry(
  policy: RetryPolicy | undefined,
  facts: RetryFacts & { readonly at?: number | undefined; readonly limit?: number | null | undefined },
): Exclude<RetryDecision, { kind: 'not-covered' }> {
  const { limit = policy?.limit === undefined ? DEFAULT_LIMIT : policy.limit } = facts
  if (limit !== null && facts.retries >= limit) return { kind: 'give-up' }
  return { kind: 'retry', at: facts.at ?? facts.now + backoff(policy?.delay, facts) }
}

const DEFAULT_LIMIT = 3
const DEFAULT_BASE = 1_000
const DEFAULT_FACTOR = 2
const DEFAULT_MAX = 600_000

// Celery's formula: countdown = min(max, base × factor^retries), and with jitter anything from 0 to that.
function backoff(delay: RetryPolicy['delay'], { retries, random }: RetryFacts): number {
  const base = parseDuration(delay?.base) ?? DEFAULT_BASE
  const max = parseDuration(delay?.max) ?? DEFAULT_MAX
  const factor = delay?.factor ?? DEFAULT_FACTOR
  // 0 × Infinity is NaN: a zero delay stays zero, however often it is doubled.
  const countdown = base === 0 ? 0 : Math.min(max, base * factor ** retries)
  return Math.round((delay?.jitter ?? true) ? random() * countdown : countdown)
}

function matches(match: RetryPolicy['on'], error: unknown): boolean {
  if (match === undefined) return false
  const alternatives = Array.isArray(match) ? (match as readonly RetryMatch[]) : [match as RetryMatch]
  return alternatives.some((alternative) => {
    if (typeof alternative === 'string') return namesOf(error).includes(alternative)
    return isClass(alternative) ? error instanceof alternative : alternative(error)
  })
}

function namesOf(error: unknown): readonly unknown[] {
  if (typeof error !== 'object' || error === null) return []
  return [(error as { name?: unknown }).name, (error as { constructor?: { name?: unknown } }).constructor?.name]
}

/**
 * Whether it is a class, not a predicate. Not every class of errors inherits from `Error`: that of zod answers `instanceof` itself.
 * The `prototype` of a class can't be assigned, and most predicates have none.
 */
function isClass(match: Exclude<RetryMatch, string>): match is new (...args: never[]) => Error {
  const own = Object.getOwnPropertyDescriptor(match, 'prototype')
  if (own === undefined) return false
  return own.writable === false || own.value instanceof Error || Object.hasOwn(match, Symbol.hasInstance)
}

/** The problem with a policy, or undefined. A problem with one part begins with the path to it. */
export function retryPolicyProblem(policy: unknown): string | undefined {
  if (!isRecord(policy)) return 'must be an object like { limit: 5, delay: { base: 1_000 } }'
  const { limit, delay = {}, automatic, on, never } = policy
  if (!isRecord(delay)) return '.delay must be an object like { base: 1_000, factor: 2 }'
  return (
    unknownKey('', policy, ['limit', 'delay', 'automatic', 'on', 'never']) ??
    unknownKey('.delay', delay, ['base', 'factor', 'max', 'jitter']) ??
    unless(
      limit === undefined || limit === null || isCount(limit),
      '.limit must be a whole number, or null for ever',
    ) ??
    unless(automatic === undefined || typeof automatic === 'boolean', '.automatic must be true or false') ??
    unless(
      automatic !== false || (on === undefined && never === undefined),
      '.automatic is false, so that neither on nor never is asked',
    ) ??
    durationProblem('.delay.base', delay.base) ??
    durationProblem('.delay.max', delay.max) ??
    unless(isFactor(delay.factor), '.delay.factor must be a number of 1 or more') ??
    unless(delay.jitter === undefined || typeof delay.jitter === 'boolean', '.delay.jitter must be true or false') ??
    matchProblem('.on', on) ??
    matchProblem('.never', never)
  )
}

function unknownKey(path: string, value: Record<string, unknown>, known: readonly string[]): string | undefined {
  const stranger = Object.keys(value).find((key) => !known.includes(key))
  if (stranger === undefined) return undefined
  const meant = closest(stranger, known)
  return `${path}.${stranger} is unknown${meant === undefined ? `; there are ${known.join(', ')}` : `; did you mean '${meant}'?`}`
}

function durationProblem(path: string, value: unknown): string | undefined {
  return unless(
    value === undefined || parseDuration(value) !== undefined,
    `${path} must be milliseconds or a duration like '30s', got ${shownValue(value)}`,
  )
}

function matchProblem(path: string, value: unknown): string | undefined {
  const alternatives: unknown[] = Array.isArray(value) ? value : value === undefined ? [] : [value]
  return unless(
    alternatives.every((match) => typeof match === 'string' || typeof match === 'function'),
    `${path} must be error classes, error names or predicates`,
  )
}

function unless(fine: boolean, problem: string): string | undefined {
  return fine ? undefined : problem
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isFactor(value: unknown): boolean {
  return value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 1)
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
