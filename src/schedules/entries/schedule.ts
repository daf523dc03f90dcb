import type { Compression } from '../../protocol/compression.ts'
import type { Json } from '../../runtime/json.ts'
import type { AnyArguments } from '../../tasks/sending.ts'
import type { AnyTask } from '../../tasks/task.ts'

/**
 * A task that is sent repeatedly, or once at a given time: an entry of `schedules`. One of `cron`, `every` and `at` says when.
 * Durations are milliseconds or texts like `'30s'`; times are dates, or ISO 8601 with a zone.
 */
export interface Schedule {
  /** The task, or its name: it may be a Python task. */
  readonly task: AnyTask | string
  /** An array of positional arguments, or an object of named ones. */
  readonly args?: AnyArguments
  /** A pattern of five or six fields, with names: `'0 3 * * MON-FRI'`. With six, the first is the second. */
  readonly cron?: string
  /** On a grid of this width from `startAt`, or from 1 January 1970. From a second to a hundred years. */
  readonly every?: number | string
  /** Once, at this time. */
  readonly at?: Date | string
  /** The IANA time zone for `cron`. Default `'UTC'`. */
  readonly tz?: string
  /**
   * True: day of the month and weekday of `cron` must both match, as in Celery's `crontab`. Default: if both are given, either.
   */
  readonly domAndDow?: boolean
  /** Not due before this time. */
  readonly startAt?: Date | string
  /** Not due after this time. */
  readonly endAt?: Date | string
  /** Sent up to this much later than due, by an amount derived from the id of the occurrence. */
  readonly jitter?: number | string
  /** For occurrences that were due while no worker led: send the last (default), all, or none. */
  readonly catchUp?: 'last' | 'all' | 'skip'
  /** `'skip'`: not sent while its last run has not ended. Default `'allow'`. */
  readonly overlap?: 'allow' | 'skip'
  /**
   * With `overlap: 'skip'`, the longest wait for a run, from when it was sent: a revoked run, or one whose worker was killed, may
   * never report its end. Default: `expires` plus `timeLimit` if the entry has both, else an hour.
   */
  readonly overlapTimeout?: number | string
  /** False: nothing is sent. Default true. */
  readonly enabled?: boolean
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly priority?: number
  /** How long after sending an occurrence may start. */
  readonly expires?: number | string
  readonly timeLimit?: number | string
  readonly softTimeLimit?: number | string
  readonly headers?: Readonly<Record<string, Json>>
  readonly ignoreResult?: boolean
  readonly compression?: Compression
  /** The text to display for the arguments, if they hold a secret. */
  readonly argsRepr?: string
  readonly kwargsRepr?: string
  readonly shadow?: string
}

/** Entries by name. */
export type Schedules = Readonly<Record<string, Schedule>>

/** The options of a send that an entry may have. */
export const SEND_KEYS = [
  'queue',
  'exchange',
  'routingKey',
  'priority',
  'expires',
  'timeLimit',
  'softTimeLimit',
  'headers',
  'ignoreResult',
  'compression',
  'argsRepr',
  'kwargsRepr',
  'shadow',
] as const

/** All that an entry may have. */
export const SCHEDULE_KEYS: readonly string[] = [
  'task',
  'args',
  'cron',
  'every',
  'at',
  'tz',
  'domAndDow',
  'startAt',
  'endAt',
  'jitter',
  'catchUp',
  'overlap',
  'overlapTimeout',
  'enabled',
  ...SEND_KEYS,
]

/**
 * Converts a date of the years 0 to 9999, or an ISO 8601 text with a zone, to milliseconds since the epoch; undefined for
 * anything else.
 */
export function momentOf(value: unknown): number | undefined {
  const zoned =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(value)
  const time = value instanceof Date ? value.getTime() : zoned ? Date.parse(value) : Number.NaN
  // Other years have a text of six digits and a sign, which is not parsed here.
  const year = new Date(time).getUTCFullYear()
  return year >= 0 && year <= 9999 ? time : undefined
}
