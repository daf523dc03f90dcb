import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { Compression } from '../protocol/compression.ts'
import type { ResultRecord, State } from '../protocol/result-record.ts'
import type { Stamps } from '../protocol/stamps.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { Received } from './result-types.ts'

/** How one message is sent; everything is optional. */
export interface SendOptions {
  /** The queue, instead of the one that the task or the client would choose. */
  readonly queue?: string
  /** The earliest start: a date, or use `countdown` for milliseconds from now. */
  readonly eta?: Date
  /** Milliseconds from now, or a duration like `'10s'`. */
  readonly countdown?: number | string
  /** The latest start: a date, or a duration from now. */
  readonly expires?: Date | number | string
  readonly taskId?: string
  /** Published to instead of the exchange of the queue. */
  readonly exchange?: string
  /** Instead of the queue's own routing key; used if the exchange is not a direct one, or if `exchange` is given. */
  readonly routingKey?: string
  /** The AMQP priority; higher first, if the queue has a `maxPriority`. */
  readonly priority?: number
  /** How often the task counts as already retried, for its retry policy. Default 0. */
  readonly retries?: number
  /** Hard limit: when the attempt is ended. Milliseconds or a duration. */
  readonly timeLimit?: number | string
  /** Soft limit: when the attempt's signal aborts. */
  readonly softTimeLimit?: number | string
  /** Custom headers, which the task can read and retries keep. */
  readonly headers?: Readonly<Record<string, Json>>
  readonly ignoreResult?: boolean
  /**
   * Compresses the arguments, on the event loop of sender and worker; zlib (alias `gzip`) can be read by every worker, brotli by
   * a Python worker that has it installed.
   */
  readonly compression?: Compression
  /**
   * Sent once the task has succeeded, with its result; for a chain after the last step, for a chord after the body. Not allowed
   * for a group.
   */
  readonly link?: Canvas | readonly Canvas[]
  /** Sent once the task has failed, with its id; for a chain or group for each of its tasks, for a chord for the body. */
  readonly linkError?: Canvas | readonly Canvas[]
  /**
   * The text to display for the positional arguments in headers, events, logs and `inspect` if they hold a secret; the worker
   * still gets the arguments.
   */
  readonly argsRepr?: string
  /** The same for the keyword arguments. */
  readonly kwargsRepr?: string
  /** Labels by which the task can be found and revoked: Celery's stamps. For a workflow they are set on all of its tasks. */
  readonly stamps?: Stamps
  /** A name to display in logs and monitors instead of the task's. */
  readonly shadow?: string
  /** Stops waiting for the broker; the message may still arrive. */
  readonly signal?: AbortSignal
}

/** How tasks are revoked: the options of Celery's `revoke`. */
export interface RevokeOptions {
  /** Also end it if it is already running. Default false. */
  readonly terminate?: boolean
  /**
   * The signal by which a Python worker ends its process, with `terminate`; a twq task is aborted instead. Default `'SIGTERM'`.
   */
  readonly signal?: string
}

/** How long to wait for a result: milliseconds or a duration, and until `signal` aborts. */
export interface ResultOptions {
  readonly timeout?: number | string
  readonly signal?: AbortSignal
}

/** A task that was sent. */
export interface TaskHandle<Result = unknown> {
  readonly id: string
  /** Its ids, in the form of Celery's `AsyncResult.as_tuple`: the value of a task that returns a handle. */
  toJSON(): ResultTuple
  /** The latest known state; `PENDING` until one arrives. */
  state(): Promise<State>
  /**
   * The task's return value. Rejects with `TWQ_TASK_FAILED` (a `RemoteTaskError` as its `cause`), `TWQ_RESULT_TIMEOUT` after
   * `timeout` milliseconds, or the signal's reason.
   */
  result(options?: ResultOptions): Promise<Result>
  /**
   * Every state from the first on, as it arrives; ends after SUCCESS, FAILURE or REVOKED. If there are very many, old ones are
   * dropped.
   */
  states(options?: { readonly signal?: AbortSignal }): AsyncIterable<ResultRecord>
  /**
   * Tells all workers not to run the task, and with `terminate` to end it if it runs: Celery's `AsyncResult.revoke`. The task
   * ends as REVOKED once a worker receives it. Resolves when the broker has the request; rejects with `TWQ_NO_WORKER` if no
   * worker would get it.
   */
  revoke(options?: RevokeOptions): Promise<void>
}

/** A sent task or group: it has a result. */
export interface AnyHandle<Result = unknown> {
  readonly id: string
  /** Its ids in the form of Celery's `as_tuple`, as a result lists them: the value of a task that returns a handle. */
  toJSON(): ResultTuple
  /** Its return value, or the results of all members. */
  result(options?: ResultOptions): Promise<Result>
}

/** The previous handle in a chain: the step before this one, or for a chord's body its header. */
export interface Following<Parent> {
  readonly parent: Parent
}

/** A group that was sent. */
export interface GroupHandle<Handles extends readonly AnyHandle[] = readonly AnyHandle[]> {
  readonly id: string
  /** Its ids and those of its members, in the form of Celery's `GroupResult.as_tuple`. */
  toJSON(): ResultTuple
  /** Its members in order; those of nested groups are included as its own. */
  readonly handles: Handles
  /** The results of all members, in order. Rejects as soon as one has failed, with that member's error, or at the timeout. */
  result(options?: ResultOptions): Promise<ResultsOf<Handles>>
  /** The outcome of each member, in order: waits for all of them and does not reject for a failed one. Rejects at the timeout. */
  settled(options?: ResultOptions): Promise<SettledOf<Handles>>
  /** The number of members that have succeeded so far. */
  completed(): Promise<number>
  /** Revokes all members, as a task handle does for one: Celery's `GroupResult.revoke`. */
  revoke(options?: RevokeOptions): Promise<void>
}

/** The type of a handle's `result`. */
export type ResultOfHandle<Handle> = Handle extends AnyHandle<infer Result> ? Result : unknown
type ResultsOf<Handles extends readonly unknown[]> = { -readonly [I in keyof Handles]: ResultOfHandle<Handles[I]> }
type SettledOf<Handles extends readonly unknown[]> = {
  -readonly [I in keyof Handles]: PromiseSettledResult<ResultOfHandle<Handles[I]>>
}

/** A composition of tasks that is not sent yet: what `signature`, `chain`, `group` and `chord` return. */
export interface Canvas<Handle = unknown> {
  /** As Python reads it (wire specification 5.1), so that it can be an argument of a task. */
  toJSON(): JsonObject
  /** Type only: what `send` resolves to. */
  readonly '~handle': Handle | undefined
}

/** The handle that sending a canvas resolves to. */
export type HandleOf<C> = C extends Canvas<infer Handle> ? Handle : never

/** Positional arguments as an array, named ones as an object. */
export type AnyArguments = readonly Json[] | JsonObject

/** The parts of a task needed for sending: its name, and its argument and result types. */
export interface Sendable<Name extends string = string, Input = unknown, Result = unknown> {
  readonly name: Name
  /** Type only: always undefined at run time. */
  readonly '~types': { readonly input: Input; readonly result: Result } | undefined
}

/**
 * Sends a task (by itself or by name) or a workflow; resolves once the broker confirmed it, or once the task's final result is
 * there, which proves the same unless the caller chose its id or it goes to several queues. With a task's type given,
 * `send<typeof add>('math.add', …)`, it is sent by name without loading its code.
 */
// One signature: for overloads, TypeScript would report the errors of each, and not at the argument.
export type Send = <T extends Canvas | Sendable | string>(
  target: T | NameOf<T>,
  ...rest: SendArguments<T>
) => Promise<SentHandle<T>>

/** What a task may be called by instead of itself. */
export type NameOf<T> = T extends Sendable ? T['name'] : never

/**
 * The parameters after the target. The arguments may be omitted if the task requires none; the options of a workflow apply to its
 * first task, and for a group to every member.
 */
export type SendArguments<T> = T extends Canvas
  ? [options?: SendOptions]
  : T extends Sendable
    ? Record<never, never> extends InputOf<T>
      ? [args?: InputOf<T>, options?: SendOptions]
      : [args: InputOf<T>, options?: SendOptions]
    : [args?: AnyArguments, options?: SendOptions]

/** The arguments of one call of a task. */
export type ArgumentsOf<T> = T extends Sendable ? InputOf<T> : AnyArguments

/** The handle that sending `T` resolves to. */
export type SentHandle<T> =
  T extends Canvas<infer Handle> ? Handle : TaskHandle<T extends Sendable ? ResultOf<T> : unknown>

/** The keyword arguments that a task accepts. */
export type InputOf<T extends Sendable> = NonNullable<T['~types']>['input']
/** The result of a sent task, after it passed through JSON. */
export type ResultOf<T extends Sendable> = Received<NonNullable<T['~types']>['result']>
