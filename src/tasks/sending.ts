import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { Compression } from '../protocol/compression.ts'
import type { ResultRecord, State } from '../protocol/result-record.ts'
import type { Stamps } from '../protocol/stamps.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { Received } from './result-types.ts'

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
  /** Published to instead of the exchange of the queue. */
  readonly exchange?: string
  /** Instead of the queue's own; heeded where the exchange is no direct one, or `exchange` names it. */
  readonly routingKey?: string
  /** AMQP priority; higher first, where the queue has a `maxPriority`. */
  readonly priority?: number
  /** How often the task was tried already, as far as its retry policy is concerned. Default 0. */
  readonly retries?: number
  /** When the attempt is ended: milliseconds or a duration. */
  readonly timeLimit?: number | string
  /** When the attempt's signal aborts. */
  readonly softTimeLimit?: number | string
  /** The caller's own headers, which the task sees and retries keep. */
  readonly headers?: Readonly<Record<string, Json>>
  readonly ignoreResult?: boolean
  /** Has the arguments compressed, which takes time on the event loop of sender and worker; zlib (`gzip` is another name) is read by every worker, brotli by a Python one that has it installed. */
  readonly compression?: Compression
  /** Sent once the task has succeeded, with its result; of a chain, after the last step; of a chord, after the body. A group can have none. */
  readonly link?: Canvas | readonly Canvas[]
  /** Sent once the task has failed, with its id; of a chain or a group, for each of its tasks; of a chord, for the body. */
  readonly linkError?: Canvas | readonly Canvas[]
  /** The text to show for the positional arguments in headers, events, logs and `inspect`, where they hold a secret; the worker gets them all the same. */
  readonly argsRepr?: string
  /** The same for the named arguments. */
  readonly kwargsRepr?: string
  /** Marks by which the task can be told and revoked: Celery's stamps. Of a workflow, all of its tasks get them. */
  readonly stamps?: Stamps
  /** A name to show in logs and monitors instead of the task's. */
  readonly shadow?: string
  /** Gives up waiting for the broker; the message may still arrive. */
  readonly signal?: AbortSignal
}

/** How tasks are taken back: the options of Celery's `revoke`. */
export interface RevokeOptions {
  /** End it where it runs already. Default false. */
  readonly terminate?: boolean
  /** By which signal a Python worker ends its process, with `terminate`; a task of ours is aborted. Default `'SIGTERM'`. */
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
  /** Its ids, as Celery's `AsyncResult.as_tuple` gives them: what a task returns that returns a handle. */
  toJSON(): ResultTuple
  /** The newest state heard of; `PENDING` until one arrives. */
  state(): Promise<State>
  /**
   * The task's return value. Rejects with `TWQ_TASK_FAILED` (a `RemoteTaskError` as its `cause`), `TWQ_RESULT_TIMEOUT` after
   * `timeout` milliseconds, or the signal's reason.
   */
  result(options?: ResultOptions): Promise<Result>
  /** Every state from the first on, as it arrives; ends after SUCCESS, FAILURE or REVOKED. Of very many, old ones are left out. */
  states(options?: { readonly signal?: AbortSignal }): AsyncIterable<ResultRecord>
  /**
   * Tells all workers not to run the task, and with `terminate` to end it where it runs: Celery's `AsyncResult.revoke`. It ends as
   * REVOKED once a worker has met it. Resolves when the broker has the request; rejects with `TWQ_NO_WORKER` where no worker would get it.
   */
  revoke(options?: RevokeOptions): Promise<void>
}

/** A sent task or group: it has a result. */
export interface AnyHandle<Result = unknown> {
  readonly id: string
  /** Its ids, as a result lists them and Celery's `as_tuple` gives them: what a task returns that returns a handle. */
  toJSON(): ResultTuple
  /** Its return value, or the results of all members, as a handle of its kind has it. */
  result(options?: ResultOptions): Promise<Result>
}

/** The handle before this one in a chain: the step before this one, or the header of a chord before its body. */
export interface Following<Parent> {
  readonly parent: Parent
}

/** A group that was sent. */
export interface GroupHandle<Handles extends readonly AnyHandle[] = readonly AnyHandle[]> {
  readonly id: string
  /** Its ids and those of its members, as Celery's `GroupResult.as_tuple` gives them. */
  toJSON(): ResultTuple
  /** Its members, in order; those of groups within it count as its own. */
  readonly handles: Handles
  /** The results of all members, in order. Rejects as soon as one has failed, as that one's `result` does, or when time is up. */
  result(options?: ResultOptions): Promise<ResultsOf<Handles>>
  /** The outcome of each member, in order: waits for all of them, and fails for none. Rejects when time is up. */
  settled(options?: ResultOptions): Promise<SettledOf<Handles>>
  /** How many members have succeeded so far. */
  completed(): Promise<number>
  /** Revokes all members, as a handle of one does: Celery's `GroupResult.revoke`. */
  revoke(options?: RevokeOptions): Promise<void>
}

/** The value that a handle's `result` resolves to. */
export type ResultOfHandle<Handle> = Handle extends AnyHandle<infer Result> ? Result : unknown
type ResultsOf<Handles extends readonly unknown[]> = { -readonly [I in keyof Handles]: ResultOfHandle<Handles[I]> }
type SettledOf<Handles extends readonly unknown[]> = {
  -readonly [I in keyof Handles]: PromiseSettledResult<ResultOfHandle<Handles[I]>>
}

/** Tasks put together and not sent yet: what `signature`, `chain`, `group` and `chord` make. */
export interface Canvas<Handle = unknown> {
  /** As Python reads it (wire specification 5.1), to be given to a task as an argument. */
  toJSON(): JsonObject
  /** Only for the compiler: what `send` resolves to. */
  readonly '~handle': Handle | undefined
}

/** The handle that sending a canvas resolves to. */
export type HandleOf<C> = C extends Canvas<infer Handle> ? Handle : never

/** Positional arguments as an array, named ones as an object. */
export type AnyArguments = readonly Json[] | JsonObject

/** The parts of a task that sending needs: its name, and which types go in and come out. */
export interface Sendable<Name extends string = string, Input = unknown, Result = unknown> {
  readonly name: Name
  /** Only for the compiler: always undefined when the program runs. */
  readonly '~types': { readonly input: Input; readonly result: Result } | undefined
}

/**
 * Sends a task, the name of one, or a workflow; resolves once the broker confirmed it, or the final result of the task is there, which
 * proves as much: unless the caller chose its id, or it goes to several queues. With a task's type given,
 * `send<typeof add>('math.add', …)`, it is sent by name without loading its code.
 */
// One signature: of several, TypeScript would report what is wrong with each, and not under the argument.
export type Send = <T extends Canvas | Sendable | string>(
  target: T | NameOf<T>,
  ...rest: SendArguments<T>
) => Promise<SentHandle<T>>

/** By what a task may be called instead of by itself. */
export type NameOf<T> = T extends Sendable ? T['name'] : never

/** The parameters after the target. The arguments may be left out where the task requires none; the options of a workflow are those of its first task, of every member for a group. */
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

/** The named arguments a task takes. */
export type InputOf<T extends Sendable> = NonNullable<T['~types']>['input']
/** The result of a sent task, as it comes out of its JSON. */
export type ResultOf<T extends Sendable> = Received<NonNullable<T['~types']>['result']>
