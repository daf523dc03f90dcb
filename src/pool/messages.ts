import { type ErrorCode, messageOf, TwqError } from '../errors.ts'
import { parseJson, stringifyJson } from '../protocol/json.ts'
import { RemoteTaskError } from '../protocol/result/remote-task-error.ts'
import type { RemoteError, State } from '../protocol/result-record.ts'
import type { Json } from '../runtime/json.ts'
import type { Invocation, PassedOn } from '../tasks/attempt/invocation.ts'
import type { RevokeOptions, SendOptions } from '../tasks/sending.ts'

/**
 * The messages between a pool and its members. Everything here survives structured cloning. Values that a task made travel as
 * JSON text: they arrive as they would on the wire, class instances as plain objects.
 */

/** From the pool to a member. */
export type ToMember =
  /** The first message: the module that returns a host, and the host's setup. */
  | {
      readonly kind: 'open'
      readonly hostModule: string
      readonly setup: unknown
      readonly logLevel: string
      readonly maxResultSize: number | undefined
      /** Whether to report memory after each attempt. */
      readonly tellMemory: boolean
    }
  /** `attempt` counts from 1; `aborted` is the reason to stop, if known before it starts. */
  | {
      readonly kind: 'run'
      readonly attempt: number
      readonly invocation: Invocation
      readonly aborted: PortableError | undefined
    }
  /** The attempt should stop. */
  | { readonly kind: 'abort'; readonly reason: PortableError }
  /**
   * The outcome of a `state`, a `send`, an `ask-handle` or an `add-to-chord`: the {@link PortableHandle}, the value or the id of
   * what was sent, or the error.
   */
  | { readonly kind: 'answer'; readonly call: number; readonly answer: Answer }
  /** No further messages follow: leave. */
  | { readonly kind: 'leave' }

/** From a member to its pool. */
export type FromMember =
  | { readonly kind: 'opened'; readonly tasks: readonly string[]; readonly plugins: readonly string[] }
  | { readonly kind: 'unable'; readonly error: PortableError }
  | { readonly kind: 'started' }
  | { readonly kind: 'state'; readonly call: number; readonly state: State; readonly meta: string }
  /** `attempt` is the one that sends, which may be over. */
  | { readonly kind: 'send'; readonly call: number; readonly attempt: number; readonly sending: PortableSend }
  /** A call of the handle of something that the attempt sent; the answer is the value as JSON text. */
  | {
      readonly kind: 'ask-handle'
      readonly call: number
      readonly attempt: number
      readonly handle: string
      readonly question: HandleQuestion
    }
  /** A call of `ctx.addToChord`; the answer is the id. */
  | {
      readonly kind: 'add-to-chord'
      readonly call: number
      readonly attempt: number
      readonly signature: string
      readonly passOn: PassedOn
    }
  /** A line of the log, as JSON. */
  | { readonly kind: 'log'; readonly line: string }
  /** `memory` is the member's current memory in bytes, if requested. */
  | { readonly kind: 'ended'; readonly outcome: string; readonly memory: number | undefined }
  /** An unhandled rejection. */
  | { readonly kind: 'stray'; readonly error: RemoteError }
  /** An uncaught exception, from a callback of `attempt` or of none; the member must be replaced. */
  | { readonly kind: 'crashed'; readonly attempt: number | undefined; readonly error: RemoteError }

/** The envelope of a member's message: tasks may use the same port, as `process.send('ready')` does. */
export interface Enveloped {
  readonly twqMember: FromMember
}

/** A member's message; undefined for one that a task sent through the port of its process or thread. */
export function messageOfMember(value: unknown): FromMember | undefined {
  return typeof value === 'object' && value !== null ? (value as Partial<Enveloped>).twqMember : undefined
}

/** The outcome of a member's request. */
export type Answer = { readonly ok: string | undefined } | { readonly error: PortableError }

/** A call of `ctx.send`: with a task, or with a workflow as JSON text. */
export type PortableSend = PortableTask | PortableCanvas

/** A workflow to be sent. */
export interface PortableCanvas {
  readonly canvas: string
  readonly options: PortableOptions
}

/** The options of a send, its follow-ups as JSON texts. */
export interface PortableOptions extends Omit<SendOptions, 'signal' | 'link' | 'linkError'> {
  readonly links?: { readonly link: readonly string[]; readonly linkError: readonly string[] }
}

/** What was sent, as far as a member can know it: ids and their relations. */
export interface PortableHandle {
  readonly id: string
  readonly handles?: readonly PortableHandle[]
  readonly parent?: PortableHandle
}

/** A method of a handle, with its timeout: milliseconds or a duration. */
export interface HandleQuestion {
  readonly method: 'state' | 'result' | 'settled' | 'completed' | 'revoke'
  readonly timeout?: number | string | undefined
  /** Of `revoke`. */
  readonly options?: RevokeOptions
}

/** A member's part of the answer of `settled`. */
export type PortableSettled = { readonly value: Json } | { readonly error: PortableError }

/** A task to be sent. */
export interface PortableTask {
  readonly name: string
  /** True if the task itself was given: the pool then sends its own copy of it, including schema and settings. */
  readonly byTask: boolean
  readonly args: string | undefined
  readonly options: PortableOptions
}

/** One of our errors as plain data: structured cloning would keep neither its code nor its brand. */
export interface PortableError {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string | undefined
  /** How another task failed, if that is the cause. */
  readonly cause?: RemoteError
}

/** Converts an error to plain data; other errors become `TWQ_INTERNAL`. */
export function portableError(error: unknown): PortableError {
  if (!TwqError.is(error)) return { code: 'TWQ_INTERNAL', message: messageOf(error), hint: undefined }
  const { code, message, hint, cause } = error
  if (!RemoteTaskError.is(cause)) return { code, message, hint }
  const { type, module, args, traceback } = cause
  return { code, message, hint, cause: { type, module, args, traceback } }
}

/** Creates the error again. */
export function errorFrom({ code, message, hint, cause }: PortableError): TwqError {
  return new TwqError(code, message, { hint, cause: cause && new RemoteTaskError(cause) })
}

/** Throws `TWQ_UNSERIALISABLE`, naming the place after `path`, for a value without a JSON form. */
export function toText(value: unknown, path: string): string {
  return stringifyJson(value, { path })
}

// Both ends are ours: no size limit is needed.
const NO_LIMITS = {
  maxSize: Number.POSITIVE_INFINITY,
  maxDepth: 1_000,
  maxValues: Number.POSITIVE_INFINITY,
}

/** Reads what {@link toText} wrote. */
export function fromText(text: string): Json {
  return parseJson(text, NO_LIMITS)
}
