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
   * Runs one attempt; returns the outcome itself where that is known when the task's code returns. Never throws or rejects: the
   * death of the thread or process that ran it is an outcome too.
   */
  run(invocation: Invocation, options: RunOptions): Outcome | Promise<Outcome>
  /** Takes `size` attempts at once from now on; running ones go on. Missing where that can't be changed. */
  resize?(size: number): void
  /** Replaces the members, without ending an attempt; resolves once that is done. Missing where nothing can be replaced. */
  restart?(): Promise<void>
  /** How it is doing, for `inspect stats`. */
  stats?(): PoolStats
}

/** The members of a pool at the moment. */
export interface PoolStats {
  /** The processes that attempts run in. */
  readonly pids: readonly number[]
  /** Attempts that were given up at their hard time limit and whose code still runs. */
  readonly abandoned: number
}

/** What goes with one run. Call its methods on it: there is one for every task, and a class makes the cheapest. */
export interface RunOptions {
  /** Aborts the attempt; the reason is a `TwqError`. */
  readonly signal: AbortSignal
  /** Whether `signal` has aborted. Making a signal is expensive: with this, it is made only when it is read. */
  readonly aborted?: boolean
  /** Called once user code is about to run. */
  onStarted?(info: { readonly pid: number }): void
  /** Stores a state on the task's behalf; resolves when it is on its way. */
  onState(state: State, meta: Json): Promise<void>
  /** Adds a signature to the chord that the task belongs to; resolves with its id. `passOn` is for plugins around that send. */
  onAddToChord?(signature: Json, passOn: PassedOn): Promise<string>
}
