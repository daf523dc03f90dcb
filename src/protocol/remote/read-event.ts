import { messageOf } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { decodeBody } from '../body.ts'
import { isName, isObject } from '../task-fields.ts'
import type { WireMessage } from '../wire.ts'

/** A batch holds two dozen events of a few kilobytes; custom ones may be longer. */
const LIMITS = { maxBodySize: 16 * 1024 * 1024 }

/** One event as it was sent, with Celery's keys (wire specification 6.1, 6.2); unknown types and keys are kept. */
export interface SentEvent {
  readonly type: string
  /** The node name of the sender. */
  readonly hostname: string
  /** Seconds since the epoch. */
  readonly timestamp: number
  /** The sender's logical clock, if it has one. */
  readonly clock?: number
  /** The task; every `task-*` event has it. */
  readonly uuid?: string
  readonly [field: string]: Json | undefined
}

/** A received event in the form that Celery's own receivers pass on, key for key. */
export interface CeleryEvent extends SentEvent {
  /**
   * Orders events across the cluster; for a client's `task-sent`, which takes no part in that order, the receiver's own clock.
   */
  readonly clock: number
  /** When it arrived, in seconds since the epoch. */
  readonly local_received: number
}

/** The events of a message, oldest first, or the reason why there are none. `refused` counts elements that are not events. */
export type DecodedEvents =
  | { readonly kind: 'events'; readonly events: readonly SentEvent[]; readonly refused: number }
  | { readonly kind: 'malformed'; readonly reason: string }

/**
 * Parses a message from the exchange `celeryev`: one event or an array of them, possibly empty. The timestamp, in seconds since the
 * epoch in UTC, is returned unchanged. Celery adds the difference of `utcoffset` between sender and reader, which makes it wrong by
 * that many hours. Names of more than 255 bytes can't be those of a node, task or event type. Never throws.
 */
export function decodeEvents(wire: WireMessage): DecodedEvents {
  try {
    if (wire.headersError !== undefined) return { kind: 'malformed', reason: wire.headersError }
    const body = decodeBody(wire, LIMITS)
    const bodies: readonly Json[] = Array.isArray(body) ? body : [body]
    const events = bodies.flatMap((value) => (isObject(value) ? readEvent(value) : []))
    return { kind: 'events', events, refused: bodies.length - events.length }
  } catch (error) {
    return { kind: 'malformed', reason: messageOf(error) }
  }
}

/** The parts of a type: before its first dash, `task` or `worker`, and after it. */
export function splitType(type: string): readonly [group: string, subject: string] {
  const dash = type.indexOf('-')
  return dash === -1 ? [type, ''] : [type.slice(0, dash), type.slice(dash + 1)]
}

function readEvent(fields: JsonObject): SentEvent | [] {
  const { type, hostname, timestamp, clock, uuid, ...others } = fields
  if (!isName(type) || !isName(hostname) || typeof timestamp !== 'number' || !Number.isFinite(timestamp)) return []
  if (splitType(type)[0] === 'task' && !isName(uuid)) return []
  return {
    ...others,
    type,
    hostname,
    timestamp,
    ...(Number.isSafeInteger(clock) && (clock as number) >= 0 && { clock: clock as number }),
    ...(isName(uuid) && { uuid }),
  }
}
