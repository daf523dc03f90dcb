import type { Json, JsonObject } from '../runtime/json.ts'
import type { Headers, Properties } from './wire.ts'

/** The follow-ups of a task, from the third element of the body (wire specification 2.3). */
export interface Embed {
  readonly callbacks: readonly Json[] | null
  readonly errbacks: readonly Json[] | null
  /** The remaining steps of a chain, in reverse order: the next one is last. */
  readonly chain: readonly Json[] | null
  readonly chord: Json
}

/** A task message, decoded from any protocol version: the one form that the rest of twq uses. */
export interface TaskMessage {
  readonly id: string
  /** The registered name of the task to run. */
  readonly task: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  readonly embed: Embed
  /** How often it was retried so far. */
  readonly retries: number
  /** Must not start before this time; milliseconds since the epoch. */
  readonly eta: number | undefined
  /** Must not start after this time; milliseconds since the epoch. */
  readonly expires: number | undefined
  /** Milliseconds. On the wire `[hard, soft]` in seconds. */
  readonly timeLimit: { readonly hard: number | undefined; readonly soft: number | undefined }
  readonly rootId: string
  readonly parentId: string | null
  readonly group: string | null
  readonly groupIndex: number | null
  /** A name to display instead of the task's. */
  readonly shadow: string | null
  readonly origin: string | null
  /** The sender's Python repr of the arguments; for display only. */
  readonly argsRepr: string
  readonly kwargsRepr: string
  /** The sender's wish about the result; `null` leaves it to the task's setting. */
  readonly ignoreResult: boolean | null
  /** How often tasks on the way to this one replaced themselves. */
  readonly replacedTaskNesting: number
  /** How often it was run again by hand after it failed: together with `retries` it identifies an attempt. */
  readonly rerun: number
  /** The queue for results; `''` for none. */
  readonly replyTo: string
  readonly correlationId: string
  readonly priority: number | undefined
  readonly stampedHeaders: readonly string[] | null
  readonly stamps: Headers
  /** The caller's own headers: all except the protocol's and the workers' notes (`x-twq-…`). */
  readonly headers: Headers
  /**
   * The AMQP properties as received: content type, delivery mode, message id, user, application; Celery's `request.properties`.
   */
  readonly properties: Properties
  readonly protocol: 1 | 2
}

/** Why a message can't be used, and the fields needed to report a failure to its caller. */
export interface Malformed {
  /** Celery's exception name for it. */
  readonly type: 'DecodeError' | 'ContentDisallowed' | 'InvalidTaskError'
  /** The problem, with the value. */
  readonly reason: string
  readonly id: string | undefined
  readonly task: string | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  /** Its place in groups, chords and chains, so that what waits for it can be failed. Undefined without an id. */
  readonly place?: TaskMessage | undefined
}

/** The result of `decodeTask`: never an exception. */
export type Decoded =
  | { readonly kind: 'task'; readonly message: TaskMessage }
  | { readonly kind: 'malformed'; readonly malformed: Malformed }
