import type { Compression } from '../../protocol/compression.ts'
import type { Json } from '../../runtime/json.ts'
import type { AnyArguments } from '../../tasks/sending.ts'
import type { AnyTask } from '../../tasks/task.ts'

/**
 * A task that is sent again and again, or once at a given time: an entry of `schedules`. It says when with one of `cron`, `every` and `at`.
 * Durations are milliseconds or texts like `'30s'`; moments are dates, or ISO 8601 with a zone.
 */
export interface Schedule {
  /** The task, or its name: it may live in Python. */
  readonly task: AnyTask | string
  /** An array of positional arguments, or an object of named ones. */
  readonly args?: AnyArguments
  /** A pattern of five or six fields, with names: `'0 3 * * MON-FRI'`. Of six, the first is the second. */
  readonly cron?: string
  /** On a grid of this width from `startAt`, or from 1 January 1970. From a second to a hundred years. */
  readonly every?: number | string
  /** Once, then. */
  readonly at?: Date | string
  /** The time zone in which `cron` is read, by its IANA name. Default `'UTC'`. */
  readonly tz?: string
  /** True: of `cron`, day of the month and weekday must both fit, as in Celery's `crontab`. Default: where both are given, either. */
  readonly domAndDow?: boolean
  /** Not due before. */
  readonly startAt?: Date | string
  /** Not due after. */
  readonly endAt?: Date | string
  /** Sent up to this much later than it is due, by an amount that follows from the id of the occurrence. */
  readonly jitter?: number | string
  /** Of what was due while no worker led: the last is sent (default), all of it, or nothing. */
  readonly catchUp?: 'last' | 'all' | 'skip'
  /** `'skip'`: not sent while its last run has not ended. Default `'allow'`. */
  readonly overlap?: 'allow' | 'skip'
  /**
   * How long a run is waited for with `overlap: 'skip'`, from when it was sent: one that was revoked, or whose worker was killed, may never tell. Default:
   * `expires` and `timeLimit` together where the entry has both, else an hour.
   */
  readonly overlapTimeout?: number | string
  /** False: nothing is sent. Default true. */
  readonly enabled?: boolean
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly priority?: number
  /** How long after it was sent an occurrence may still start. */
  readonly expires?: number | string
  readonly timeLimit?: number | string
  readonly softTimeLimit?: number | string
  readonly headers?: Readonly<Record<string, Json>>
  readonly ignoreResult?: boolean
  readonly compression?: Compression
  /** The text to show for the arguments, where they hold a secret. */
  readonly argsRepr?: string
  readonly kwargsRepr?: string
  readonly shadow?: string
}

/** Entries by their names. */
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

/** The moment that a date of the years 0 to 9999, or an ISO 8601 text with a zone, names, in milliseconds since the epoch; undefined for anything else. */
export function momentOf(value: unknown): number | undefined {
  const zoned =
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(value)
  const time = value instanceof Date ? value.getTime() : zoned ? Date.parse(value) : Number.NaN
  // Others have a text of six digits and a sign, which is not read here.
  const year = new Date(time).getUTCFullYear()
  return year >= 0 && year <= 9999 ? time : undefined
}
