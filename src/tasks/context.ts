import type { State } from '../protocol/result-record.ts'
import type { Stamps } from '../protocol/stamps.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import type { RetryOptions } from './retry-options.ts'
import type { Canvas, Send } from './sending.ts'
import type { TaskLogger } from './task-logger.ts'

/** How a task is replaced. */
export interface ReplaceOptions {
  /** Put on the signature and on what follows it: callbacks, errbacks, and the later steps of the chain, as `on_replace` of a Python task may. */
  readonly stamps?: Stamps
}

/** The context of an attempt: facts about it, and actions besides returning a value. */
export interface TaskContext {
  readonly id: string
  readonly name: string
  /**
   * The same in every attempt at this call of the task, to give to a service that does things once: over retries, redeliveries, and a replay from
   * quarantine, which may repeat work that was done. It is the task's id; what `replace` has run in its place, with that id, has a key of its own.
   */
  readonly idempotencyKey: string
  readonly queue: string
  /** 1 on the first try. */
  readonly attempt: number
  /** True when an earlier delivery of the same message may have started already: the work may be half done. */
  readonly redelivered: boolean
  /** Aborts when the attempt should stop; its `reason` is a `TwqError` that says why. */
  readonly signal: AbortSignal
  /** Adds the task's id, name and attempt to each line. */
  readonly log: TaskLogger
  /** The message as Celery sent it: root and parent ids, group, eta, custom headers and the rest. */
  readonly request: TaskMessage
  /** Stores the state PROGRESS with `meta`, as Python's `self.update_state(state='PROGRESS', meta=…)`. */
  progress(meta: Json): Promise<void>
  /** Stores any state of your own. */
  updateState(state: State, meta: Json): Promise<void>
  /**
   * Ends the attempt and has the task run again: after `countdown`, at `eta`, else when its retry policy says. Never returns. Throws
   * `TWQ_ARGUMENTS`, which no policy retries, for invalid options.
   */
  retry(options?: RetryOptions): never
  /**
   * Has a signature run in this task's place, as Python's `self.replace`: it takes over the id, the callbacks, and the place
   * in a chain, a group or a chord; of a group, the list of its results is the result. Never returns: `return ctx.replace(…)`.
   */
  replace(signature: Canvas | Json, options?: ReplaceOptions): never
  /**
   * Adds a signature to the chord that this task is in the header of, as Python's `self.add_to_chord`, and sends it. Resolves
   * with its id. Await it before the task returns.
   */
  addToChord(signature: Canvas | Json): Promise<string>
  /** Sends another task, as a child of this one. */
  readonly send: Send
}
