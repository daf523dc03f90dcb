import type { State } from '../protocol/result-record.ts'
import type { Json } from '../runtime/json.ts'
import type { Service } from '../runtime/service.ts'
import type { Invocation, PassedOn } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'

/** Where attempts run. */
export interface Pool extends Service {
  /** Celery's name of the kind, for `inspect stats`. */
  readonly kind: string
  /** Whether attempts share this event loop. */
  readonly onEventLoop: boolean
  /**
   * Runs one attempt; returns the outcome itself if it is known when the task's code returns. Never throws or rejects: the death
   * of the thread or process that ran it is also an outcome.
   */
  run(invocation: Invocation, options: RunOptions): Outcome | Promise<Outcome>
  /** Runs up to `size` attempts at once from now on; running ones continue. Missing if that can't be changed. */
  resize?(size: number): void
  /** Replaces the members without ending an attempt; resolves once that is done. Missing if nothing can be replaced. */
  restart?(): Promise<void>
  /** Its state, for `inspect stats`. */
  stats?(): PoolStats
}

/** The current members of a pool. */
export interface PoolStats {
  /** The processes that attempts run in. */
  readonly pids: readonly number[]
  /** Attempts that were abandoned at their hard time limit and whose code still runs. */
  readonly abandoned: number
}

/** The context of one run. Call its methods on it: one is created per task, and a class is cheapest. */
export interface RunOptions {
  /** Aborts the attempt; the reason is a `TwqError`. */
  readonly signal: AbortSignal
  /** Whether `signal` has aborted. Creating a signal is expensive: with this, it is created only when it is read. */
  readonly aborted?: boolean
  /** Called once user code is about to run. */
  onStarted?(info: { readonly pid: number }): void
  /** Stores a state for the task; resolves once it is sent. */
  onState(state: State, meta: Json): Promise<void>
  /** Adds a signature to the chord that the task belongs to; resolves with its id. `passOn` is for plugins around that send. */
  onAddToChord?(signature: Json, passOn: PassedOn): Promise<string>
}
