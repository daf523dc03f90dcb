import type { RemoteError } from '../../protocol/result-record.ts'
import type { Stamps } from '../../protocol/stamps.ts'
import type { Json } from '../../runtime/json.ts'

/** How an attempt ended. Plain data, the same for every pool. `runtime` is in milliseconds. */
export type Outcome = (
  | { readonly kind: 'succeeded'; readonly result: Json; readonly runtime: number }
  /** `at` is when to run again, in milliseconds since the epoch; `error` is shown by the RETRY state, null for none. */
  | {
      readonly kind: 'retry'
      readonly at: number
      readonly error: RemoteError | null
      /** The latest start of the next attempt, in milliseconds since the epoch; undefined keeps the message's own. */
      readonly expires?: number
      readonly override?: RetryOverride
    }
  | { readonly kind: 'failed'; readonly error: RemoteError; readonly runtime: number }
  /** It was ended by the hard limit, in milliseconds. */
  | { readonly kind: 'timed-out'; readonly limit: number; readonly error: RemoteError }
  | { readonly kind: 'rejected'; readonly requeue: boolean; readonly error: RemoteError }
  | { readonly kind: 'ignored' }
  /** Another signature runs in its place, under its id; `stamps` are added to it and its follow-ups. */
  | { readonly kind: 'replaced'; readonly signature: Json; readonly stamps?: Stamps }
  | { readonly kind: 'revoked'; readonly reason: 'revoked' | 'expired' | 'terminated' }
  /** The member that ran it died. */
  | { readonly kind: 'lost'; readonly error: RemoteError }
  /** Stopped unfinished because the worker shuts down: returned to the queue. */
  | { readonly kind: 'interrupted' }
) & {
  /** Texts of the plugins around the attempt, for its retry and follow-ups. */
  readonly passOn?: Readonly<Record<string, string>>
}

/** Arguments that replace the message's own in a retry. */
export interface RetryOverride {
  readonly args?: readonly Json[] | undefined
  readonly kwargs?: { readonly [key: string]: Json } | undefined
}
