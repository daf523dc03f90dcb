import type { Json, JsonObject } from '../runtime/json.ts'

/** The options of a retry. */
export interface RetryOptions {
  /** Milliseconds from now, or a duration like `'30s'`; without this and `eta` the task's retry policy decides. */
  readonly countdown?: number | string
  /** The earliest start. */
  readonly eta?: Date
  /** The reason: shown by the RETRY state, and the error of the failure after too many retries. */
  readonly cause?: unknown
  /** The maximum number of retries, instead of the policy's `limit`, for this request only; `null` for no limit. */
  readonly limit?: number | null
  /** The latest start of the next attempt: a date, or a duration from now. It also applies to later attempts. */
  readonly expires?: Date | number | string
  /** Positional arguments for the retry, instead of the message's own. */
  readonly args?: readonly Json[]
  /** Keyword arguments for the retry, instead of the message's own. */
  readonly kwargs?: JsonObject
}
