import type { Json, JsonObject } from '../runtime/json.ts'

/** How a retry is asked for. */
export interface RetryOptions {
  /** Milliseconds from now, or a duration like `'30s'`; with neither this nor `eta` the task's retry policy decides. */
  readonly countdown?: number | string
  /** Do not start before this date. */
  readonly eta?: Date
  /** Why: shown by the RETRY state, and the failure once there have been too many retries. */
  readonly cause?: unknown
  /** How many retries there may be at most, in place of the policy's `limit`, for this request alone; `null` for no limit. */
  readonly limit?: number | null
  /** Do not start the next attempt after: a date, or a duration from now. It stays for the attempts after that. */
  readonly expires?: Date | number | string
  /** Positional arguments to retry with instead of the message's own. */
  readonly args?: readonly Json[]
  /** Named arguments to retry with instead of the message's own. */
  readonly kwargs?: JsonObject
}
