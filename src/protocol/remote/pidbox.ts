import { messageOf } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { matchesGlob } from '../../runtime/text/glob.ts'
import { decodeBody, JSON_CONTENT } from '../body.ts'
import { stringifyJson } from '../json.ts'
import { Refusal } from '../refusal.ts'
import { isName, isObject, usableReplyTo } from '../task-fields.ts'
import type { HeaderValue, Route, WireMessage } from '../wire.ts'

/** Requests to workers and their replies are small; replies that list many tasks are larger. */
const LIMITS = { maxBodySize: 16 * 1024 * 1024 }

/** A remote-control request (wire specification 7.1). */
export interface ControlRequest {
  readonly method: string
  readonly arguments: JsonObject
  /** Node names; null if workers are not chosen by name. */
  readonly destination: readonly string[] | null
  readonly pattern: string | null
  /** How to interpret `pattern`: `glob` or `pcre`. */
  readonly matcher: string | null
  /** The correlation id of replies. */
  readonly ticket: string | null
  /** The destination of replies; null if none are wanted. */
  readonly replyTo: Route | null
  /** The sender's logical clock. */
  readonly clock: number | null
}

/** A request, or the reason why it can't be read. */
export type DecodedRequest =
  | { readonly kind: 'request'; readonly request: ControlRequest }
  | { readonly kind: 'malformed'; readonly reason: string }

/** Parses a request. Never throws; fields of a wrong type make it malformed. */
export function decodeRequest(wire: WireMessage): DecodedRequest {
  try {
    const body = readBody(wire)
    return {
      kind: 'request',
      request: {
        method: required('method', body.method),
        arguments: readArguments(body.arguments),
        destination: readDestination(body.destination),
        pattern: optional('pattern', body.pattern),
        matcher: optional('matcher', body.matcher),
        ticket: short('ticket', optional('ticket', body.ticket)),
        replyTo: readRoute(body.reply_to),
        clock: readClock(wire.headers.clock),
      },
    }
  } catch (error) {
    return { kind: 'malformed', reason: messageOf(error) }
  }
}

/** The fields of a request; absent ones are null or empty. */
export interface NewRequest {
  readonly method: string
  readonly arguments?: JsonObject
  readonly destination?: readonly string[] | null
  readonly pattern?: string | null
  readonly matcher?: 'glob' | 'pcre' | null
  readonly ticket?: string
  readonly replyTo?: Route
  readonly clock: number
  /** When the sender stops waiting for replies; milliseconds since the epoch. */
  readonly expires?: number
}

/** The message for a request, published to the exchange `celery.pidbox`. Throws `TWQ_UNSERIALISABLE`. */
export function encodeRequest(request: NewRequest): WireMessage {
  const { replyTo, ticket } = request
  const body = {
    method: request.method,
    arguments: request.arguments ?? {},
    destination: request.destination ?? null,
    pattern: request.pattern ?? null,
    matcher: request.matcher ?? null,
    ticket,
    reply_to: replyTo && { exchange: replyTo.exchange, routing_key: replyTo.routingKey },
  }
  return {
    properties: { ...JSON_CONTENT, deliveryMode: 2, priority: 0 },
    // In seconds; 0 means never.
    headers: { clock: request.clock, expires: (request.expires ?? 0) / 1000 },
    body: Buffer.from(stringifyJson(body, { path: 'request' })),
  }
}

/** The reply of one worker. */
export interface ControlReply {
  /** The worker's node name. */
  readonly node: string
  readonly value: Json
}

/** The message that carries a worker's reply to the request's `replyTo` (wire specification 7.2). Throws `TWQ_UNSERIALISABLE`. */
export function encodeReply(
  reply: ControlReply & { readonly ticket: string | null; readonly clock: number },
): WireMessage {
  return {
    properties: { ...JSON_CONTENT, deliveryMode: 1, priority: 0 },
    headers: { ticket: reply.ticket, clock: reply.clock },
    body: Buffer.from(`{${JSON.stringify(reply.node)}:${stringifyJson(reply.value, { path: 'reply' })}}`),
  }
}

/** A reply, or the reason why it can't be read. */
export type DecodedReply =
  | {
      readonly kind: 'reply'
      readonly ticket: string | null
      readonly clock: number | null
      readonly replies: readonly ControlReply[]
    }
  | { readonly kind: 'malformed'; readonly reason: string }

/** Parses a reply. Never throws. */
export function decodeReply(wire: WireMessage): DecodedReply {
  try {
    const replies = Object.entries(readBody(wire)).map(([node, value]) => ({ node, value }))
    const { ticket, clock } = wire.headers
    return { kind: 'reply', ticket: typeof ticket === 'string' ? ticket : null, clock: readClock(clock), replies }
  } catch (error) {
    return { kind: 'malformed', reason: messageOf(error) }
  }
}

/**
 * True if a request addresses the worker of this name: by name, by glob, or as a broadcast. Regular expressions (`pcre`) are not
 * evaluated, since a request could stall the worker with one: they match no worker.
 */
export function isAddressedTo(request: ControlRequest, nodeName: string): boolean {
  const { destination, pattern, matcher } = request
  if (destination !== null && destination.length > 0) return destination.includes(nodeName)
  if (!pattern || !matcher) return true
  return matcher === 'glob' && matchesGlob(nodeName, pattern)
}

function readBody(wire: WireMessage): JsonObject {
  if (wire.headersError !== undefined) throw wrong(`the headers can't be read: ${wire.headersError}`)
  const body = decodeBody(wire, LIMITS)
  if (!isObject(body)) throw wrong('the body must be an object')
  return body
}

function required(field: string, value: Json | undefined): string {
  if (typeof value !== 'string' || value === '') throw wrong(`${field} must be a text`)
  return value
}

function optional(field: string, value: Json | undefined): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw wrong(`${field} must be a text`)
  return value
}

/** Returns `text`, which becomes part of headers; throws if it is too long for that. */
function short(field: string, text: string | null): string | null {
  if (text === null || isName(text)) return text
  throw wrong(`${field} must be a text of at most 255 bytes`)
}

function readArguments(value: Json | undefined): JsonObject {
  if (value === undefined || value === null) return {}
  if (!isObject(value)) throw wrong('arguments must be an object')
  return value
}

function readDestination(value: Json | undefined): readonly string[] | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value) || !value.every((name) => typeof name === 'string')) {
    throw wrong('destination must be an array of node names')
  }
  return value
}

function readRoute(value: Json | undefined): Route | null {
  if (value === undefined || value === null) return null
  if (!isObject(value)) throw wrong('reply_to must be an object')
  const exchange = required('reply_to.exchange', value.exchange)
  const routingKey = required('reply_to.routing_key', value.routing_key)
  for (const name of [exchange, routingKey]) {
    if (usableReplyTo(name) === undefined) throw wrong('reply_to must name an exchange and a routing key')
  }
  return { exchange, routingKey }
}

function readClock(value: HeaderValue | undefined): number | null {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null
}

function wrong(reason: string): Refusal {
  return new Refusal('DecodeError', reason)
}
