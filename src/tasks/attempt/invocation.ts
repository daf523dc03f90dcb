import type { State } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { TaskContext } from '../context.ts'
import type { AttemptEnd } from '../plugin.ts'
import type { Send } from '../sending.ts'
import type { AnyTask } from '../task.ts'

/** Texts of the plugins around an attempt, for plugins around what the worker sends because of it. */
export type PassedOn = Readonly<Record<string, string>>

/** All a pool needs to run one attempt; plain data. */
export interface Invocation {
  readonly message: TaskMessage
  /** The queue it was consumed from. */
  readonly queue: string
  /** True when an earlier delivery of this message may have started already. */
  readonly redelivered: boolean
  /** The worker's node name. */
  readonly node: string
}

/** One run of a task's code: what is run, and the means it is given where it runs. Call its methods on it. */
export interface Attempt {
  readonly task: AnyTask
  readonly invocation: Invocation
  /** Aborts the attempt; the reason is a `TwqError`. */
  readonly signal: AbortSignal
  /** Whether `signal` has aborted; asked first where it is given, so that the signal is made only when it is needed. */
  readonly aborted?: boolean
  /** Called once, before anything of the task runs: its schema included. */
  onStarted?(): void
  /** Stores a state on the task's behalf. */
  onState(state: State, meta: Json): Promise<void>
  /** Adds a signature to the chord that this message belongs to, and sends it; resolves with its id. `passOn` is for plugins around that send. */
  onAddToChord?(signature: Json, passOn: PassedOn): Promise<string>
  /** What is called around the task's code; undefined for none. */
  readonly around?: AroundAttempt | undefined
  readonly logger: EventLogger
  /** A way to send tasks as children of this message. Called only when the task sends one. */
  readonly sendFor: (message: TaskMessage) => Send
  /** The largest result, in bytes of JSON; undefined for any. */
  readonly maxResultSize?: number | undefined
  readonly clock: Clock
  /** Uniform in 0..1, for jitter. */
  readonly random: () => number
}

/**
 * Runs the code of an attempt by `call`, with other code around it. What it returns is the attempt's result, and what it throws its
 * outcome.
 */
export type AroundAttempt = (surrounded: SurroundedAttempt) => Promise<unknown>

/** An attempt whose code is called by what is around it. */
export interface SurroundedAttempt {
  readonly invocation: Invocation
  readonly context: TaskContext
  /** Texts that go with the outcome. */
  readonly passOn: Record<string, string>
  /** Adds fields to each line of the task's log from now on. */
  addLogFields(fields: Readonly<Record<string, unknown>>): void
  /** Binds the arguments and calls the task. Throws what does: arguments that don't fit are an error, which no policy retries. */
  call(args: readonly Json[], kwargs: JsonObject): unknown
  /** How the attempt ends where this is thrown. */
  outcomeOf(thrown: unknown): AttemptEnd
}
