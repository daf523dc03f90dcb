import type { State } from '../protocol/result-record.ts'
import type { Stamps } from '../protocol/stamps.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import type { RetryOptions } from './retry-options.ts'
import type { Canvas, Send } from './sending.ts'
import type { TaskLogger } from './task-logger.ts'

/** The options for replacing a task. */
export interface ReplaceOptions {
  /**
   * Added to the signature and to its follow-ups: callbacks, errbacks, and later steps of the chain, as `on_replace` of a Python
   * task may do.
   */
  readonly stamps?: Stamps
}

/** The context of an attempt: facts about it, and actions other than returning a value. */
export interface TaskContext {
  readonly id: string
  readonly name: string
  /**
   * The same in every attempt at this call of the task, for services that deduplicate by key: across retries, redeliveries, and a
   * replay from quarantine, all of which may repeat work. It is the task's id; a replacement made by `replace`, which has the
   * same id, has a different key.
   */
  readonly idempotencyKey: string
  readonly queue: string
  /** 1 on the first try. */
  readonly attempt: number
  /** True if this attempt may have been started before, by another delivery or another message: the work may be half done. */
  readonly redelivered: boolean
  /** Aborts when the attempt should stop; its `reason` is a `TwqError` that says why. */
  readonly signal: AbortSignal
  /** Adds the task's id, name and attempt to each line. */
  readonly log: TaskLogger
  /** The message as Celery sent it: root and parent ids, group, eta, custom headers and so on. */
  readonly request: TaskMessage
  /** Stores the state PROGRESS with `meta`, like Python's `self.update_state(state='PROGRESS', meta=…)`. */
  progress(meta: Json): Promise<void>
  /** Stores any custom state. */
  updateState(state: State, meta: Json): Promise<void>
  /**
   * Ends the attempt and runs the task again: after `countdown`, at `eta`, or when its retry policy says. Never returns. Throws
   * `TWQ_ARGUMENTS`, which no policy retries, for invalid options.
   */
  retry(options?: RetryOptions): never
  /**
   * Runs a signature in place of this task, like Python's `self.replace`: it takes over the id, the callbacks, and the place in a
   * chain, group or chord; for a group, the result is the list of its results. Never returns: `return ctx.replace(…)`.
   */
  replace(signature: Canvas | Json, options?: ReplaceOptions): never
  /**
   * Adds a signature to the chord whose header this task belongs to, like Python's `self.add_to_chord`, and sends it. Resolves
   * with its id. Await it before the task returns.
   */
  addToChord(signature: Canvas | Json): Promise<string>
  /** Sends another task as a child of this one. */
  readonly send: Send
}
