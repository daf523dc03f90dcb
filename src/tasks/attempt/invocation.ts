import type { State } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { TaskContext } from '../context.ts'
import type { AttemptEnd } from '../plugin.ts'
import type { Send } from '../sending.ts'
import type { AnyTask } from '../task.ts'

/** Texts of the plugins around an attempt, for plugins around messages that the worker sends because of it. */
export type PassedOn = Readonly<Record<string, string>>

/** Everything a pool needs to run one attempt; plain data. */
export interface Invocation {
  readonly message: TaskMessage
  /** The queue it was consumed from. */
  readonly queue: string
  /** True when an earlier delivery of this message may have started already. */
  readonly redelivered: boolean
  /** The worker's node name. */
  readonly node: string
}

/** One run of a task's code: what to run, and the functions that it can use. Call its methods on the object. */
export interface Attempt {
  readonly task: AnyTask
  readonly invocation: Invocation
  /** Aborts the attempt; the reason is a `TwqError`. */
  readonly signal: AbortSignal
  /** Whether `signal` has aborted; if given, it is called first, so that the signal is only created when needed. */
  readonly aborted?: boolean
  /** Called once, before any code of the task runs, including its schema. */
  onStarted?(): void
  /** Stores a state for the task. */
  onState(state: State, meta: Json): Promise<void>
  /**
   * Adds a signature to the chord that this message belongs to, and sends it; resolves with its id. `passOn` is for plugins
   * around that send.
   */
  onAddToChord?(signature: Json, passOn: PassedOn): Promise<string>
  /** What is called around the task's code; undefined if nothing is. */
  readonly around?: AroundAttempt | undefined
  readonly logger: EventLogger
  /** Creates a way to send tasks as children of this message. Called only if the task sends one. */
  readonly sendFor: (message: TaskMessage) => Send
  /** The largest result, in bytes of JSON; undefined for no limit. */
  readonly maxResultSize?: number | undefined
  readonly clock: Clock
  /** Uniform in 0..1, for jitter. */
  readonly random: () => number
}

/**
 * Runs the code of an attempt through `call`, with other code around it. Its return value is the attempt's result, and a thrown
 * value its outcome.
 */
export type AroundAttempt = (surrounded: SurroundedAttempt) => Promise<unknown>

/** An attempt whose code is called by the code around it. */
export interface SurroundedAttempt {
  readonly invocation: Invocation
  readonly context: TaskContext
  /** Texts returned with the outcome. */
  readonly passOn: Record<string, string>
  /** Adds fields to each later line of the task's log. */
  addLogFields(fields: Readonly<Record<string, unknown>>): void
  /**
   * Binds the arguments and calls the task. Throws what the task throws; arguments that don't fit are an error that no policy
   * retries.
   */
  call(args: readonly Json[], kwargs: JsonObject): unknown
  /** The outcome if this value is thrown. */
  outcomeOf(thrown: unknown): AttemptEnd
}
