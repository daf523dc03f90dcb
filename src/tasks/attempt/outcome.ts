import type { RemoteError } from '../../protocol/result-record.ts'
import type { Stamps } from '../../protocol/stamps.ts'
import type { Json } from '../../runtime/json.ts'

/** How an attempt ended. Plain data, the same from every pool. `runtime` is in milliseconds. */
export type Outcome = (
  | { readonly kind: 'succeeded'; readonly result: Json; readonly runtime: number }
  /** `at` is when to run again, in milliseconds since the epoch; `error` is what the RETRY state shows, null for none. */
  | {
      readonly kind: 'retry'
      readonly at: number
      readonly error: RemoteError | null
      /** Until when the next attempt may start, in milliseconds since the epoch; undefined: the message's own time stays. */
      readonly expires?: number
      readonly override?: RetryOverride
    }
  | { readonly kind: 'failed'; readonly error: RemoteError; readonly runtime: number }
  /** The hard limit, in milliseconds, ended it. */
  | { readonly kind: 'timed-out'; readonly limit: number; readonly error: RemoteError }
  | { readonly kind: 'rejected'; readonly requeue: boolean; readonly error: RemoteError }
  | { readonly kind: 'ignored' }
  /** Another signature runs in its place, under its id; `stamps` go on it and on what follows it. */
  | { readonly kind: 'replaced'; readonly signature: Json; readonly stamps?: Stamps }
  | { readonly kind: 'revoked'; readonly reason: 'revoked' | 'expired' | 'terminated' }
  /** The member that ran it died. */
  | { readonly kind: 'lost'; readonly error: RemoteError }
  /** Stopped unfinished because the worker leaves: goes back to the queue. */
  | { readonly kind: 'interrupted' }
) & {
  /** Texts of the plugins around the attempt, for the retry and the follow-ups of this attempt. */
  readonly passOn?: Readonly<Record<string, string>>
}

/** Arguments that replace the message's own when it is retried. */
export interface RetryOverride {
  readonly args?: readonly Json[] | undefined
  readonly kwargs?: { readonly [key: string]: Json } | undefined
}
