import type { State } from '../protocol/result-record.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { Task } from './task.ts'

/** How one message is sent; everything is optional. */
export interface SendOptions {
  /** The queue, instead of the one the task or the client would choose. */
  readonly queue?: string
  /** Do not start before: a date, or milliseconds from now as `countdown`. */
  readonly eta?: Date
  /** Milliseconds from now, or a duration like `'10s'`. */
  readonly countdown?: number | string
  /** Do not start after: a date, or a duration from now. */
  readonly expires?: Date | number | string
  readonly taskId?: string
  /** AMQP priority; higher first. */
  readonly priority?: number
  /** The caller's own headers, which the task sees and retries keep. */
  readonly headers?: Readonly<Record<string, Json>>
  readonly ignoreResult?: boolean
  /** A name to show in logs and monitors instead of the task's. */
  readonly shadow?: string
  /** Gives up waiting for the broker; the message may still arrive. */
  readonly signal?: AbortSignal
}

/** A task that was sent. */
export interface TaskHandle<Result = unknown> {
  readonly id: string
  /** The newest state heard of; `PENDING` until one arrives. */
  state(): Promise<State>
  /**
   * The task's return value. Rejects with `TWQ_TASK_FAILED` (the remote error as its `cause`), `TWQ_RESULT_TIMEOUT` after
   * `timeout` milliseconds, or the signal's reason.
   */
  result(options?: { readonly timeout?: number | string; readonly signal?: AbortSignal }): Promise<Result>
}

/** Positional arguments as an array, named ones as an object. */
export type AnyArguments = readonly Json[] | JsonObject

/** Sends a task; resolves once the broker confirmed it. */
export interface Send {
  <T extends Task>(task: T, args: InputOf<T>, options?: SendOptions): Promise<TaskHandle<ResultOf<T>>>
  <T extends Task>(name: T['name'], args: InputOf<T>, options?: SendOptions): Promise<TaskHandle<ResultOf<T>>>
  (name: string, args?: AnyArguments, options?: SendOptions): Promise<TaskHandle<unknown>>
}

/** The named arguments a task takes. */
export type InputOf<T> = T extends Task<string, infer Args, unknown> ? Args : never
/** What a task resolves to. */
export type ResultOf<T> =
  T extends Task<string, never, infer Result>
    ? Result
    : T extends Task<string, infer _Args, infer Result>
      ? Result
      : never
