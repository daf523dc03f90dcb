import { readMarks, unmarked } from './suspect.ts'
import type { Headers, HeaderValue, Outgoing, Properties, Route, WireMessage } from './wire.ts'

/** The durable queue beside `queue` for messages that can't be used. */
export function quarantineQueue(queue: string): string {
  return `${queue}.quarantine`
}

/** How a message came to be set aside. */
export interface QuarantineFacts {
  /** The queue it was consumed from, and where it was first published to. */
  readonly queue: string
  readonly route: Route
  readonly redelivered: boolean
  /** The task's id and name, where they could be read. */
  readonly id: string | undefined
  readonly task: string | undefined
  /** A Celery-style exception name. */
  readonly type: string
  readonly detail: string
  readonly node: string
  /** How many times it started without being settled, where that is why. */
  readonly starts?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

// A frame holds all of a message's headers, and the encoder works in 64 KiB: larger tables travel in front of the body.
const LARGEST_HEADER_COPY = 40_000
const LONGEST_DETAIL = 1_000

/**
 * The message as it lies in quarantine: the original body, the original header table's bytes, the original properties,
 * and the story in `x-twq-*` headers. `restoreQuarantined` undoes it. Nothing of the original acts on the broker any
 * more: no expiration, no user id. Our own marks are part of the story, not of the original.
 */
export function quarantineMessage(message: WireMessage, facts: QuarantineFacts): Outgoing {
  const { route = facts.route, starts, history } = readMarks(message.headers)
  const original = unmarked(message)
  const table = original.rawHeaders
  const inBody = table !== undefined && table.length > LARGEST_HEADER_COPY
  const headers: Record<string, HeaderValue> = {
    'x-twq-reason': facts.type,
    'x-twq-detail': facts.detail.slice(0, LONGEST_DETAIL),
    'x-twq-time': new Date(facts.now).toISOString(),
    'x-twq-node': facts.node,
    'x-twq-queue': facts.queue,
    'x-twq-exchange': route.exchange,
    'x-twq-routing-key': route.routingKey,
    'x-twq-redelivered': facts.redelivered,
    'x-twq-properties': definedProperties(original.properties),
  }
  if (facts.id !== undefined) headers['x-twq-id'] = facts.id
  if (facts.task !== undefined) headers['x-twq-task'] = facts.task
  if (starts > 0) headers['x-twq-starts'] = facts.starts ?? starts
  if (history.length > 0) headers['x-twq-history'] = history
  if (table === undefined) headers['x-twq-headers-decoded'] = original.headers
  else if (inBody) headers['x-twq-headers-in-body'] = table.length
  else headers['x-twq-headers'] = table
  return {
    route: { exchange: '', routingKey: quarantineQueue(facts.queue) },
    message: {
      properties: {
        contentType: inBody ? 'application/octet-stream' : original.properties.contentType,
        contentEncoding: inBody ? 'binary' : original.properties.contentEncoding,
        correlationId: original.properties.correlationId,
        deliveryMode: 2,
      },
      headers,
      body: inBody ? Buffer.concat([table, original.body]) : original.body,
    },
  }
}

/** The original of a quarantined message, byte for byte, and where it was published to; undefined if it is not one. */
export function restoreQuarantined(wire: WireMessage): Outgoing | undefined {
  const { headers, body } = wire
  const exchange = headers['x-twq-exchange']
  const routingKey = headers['x-twq-routing-key']
  const properties = headers['x-twq-properties']
  if (typeof exchange !== 'string' || typeof routingKey !== 'string' || !isTable(properties)) return undefined
  const inBody = headers['x-twq-headers-in-body']
  const copied = headers['x-twq-headers']
  const decoded = headers['x-twq-headers-decoded']
  const split = typeof inBody === 'number' ? inBody : 0
  if (split < 0 || split > body.length) return undefined
  const rawHeaders = split > 0 ? body.subarray(0, split) : copied instanceof Uint8Array ? copied : undefined
  return {
    route: { exchange, routingKey },
    message: {
      properties: properties as Properties,
      headers: isTable(decoded) ? decoded : {},
      rawHeaders,
      body: body.subarray(split),
    },
  }
}

function definedProperties(properties: Properties): Headers {
  const table: Record<string, HeaderValue> = {}
  for (const [name, value] of Object.entries(properties)) if (value !== undefined) table[name] = value
  return table
}

function isTable(value: HeaderValue | undefined): value is Headers {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
