import { quarantineQueue } from '../companion-queues.ts'
import type { Headers, HeaderValue, Outgoing, Properties, Route, WireMessage } from '../wire.ts'
import { changeHeaders, type HeaderForms } from './raw-headers.ts'
import { resendable } from './resendable.ts'
import { isOfThePast, readMarks } from './suspect.ts'

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

/** Where a quarantined message carries the header table of its original. */
export type TablePlace = 'headers' | 'body'

// A frame holds all of a message's headers: a larger table travels in front of the body.
const LARGEST_HEADER_COPY = 40_000
const LONGEST_DETAIL = 1_000
const LONGEST_NAME = 255

/** Where the header table of `message` is carried, unless the broker does not take it so. */
export function placeOfTable({ rawHeaders }: WireMessage): TablePlace {
  return rawHeaders !== undefined && rawHeaders.length > LARGEST_HEADER_COPY ? 'body' : 'headers'
}

/**
 * The message as it lies in quarantine: the body, the header table's bytes as they were delivered, the properties, and the
 * story in `x-twq-*` headers. `restoreQuarantined` undoes it. Nothing of the original acts on the broker any more: no
 * expiration, no user id.
 */
export function quarantineMessage(
  message: WireMessage,
  facts: QuarantineFacts,
  place: TablePlace = placeOfTable(message),
): Outgoing {
  return setAsideCopy(message, facts, { queue: quarantineQueue(facts.queue), place })
}

/** Where a copy of a message that is set aside goes, and what it tells beside the story of every such copy. */
export interface SetAside {
  readonly queue: string
  readonly place: TablePlace
  readonly headers?: Readonly<Record<string, HeaderValue>>
  /** Milliseconds after which the broker drops the copy. */
  readonly expiration?: number | undefined
}

/** The copy of a message for a queue beside its task queue; see {@link quarantineMessage}. */
export function setAsideCopy(
  message: WireMessage,
  facts: QuarantineFacts,
  { queue, place, headers: more, expiration }: SetAside,
): Outgoing {
  const { route = facts.route, starts, history } = readMarks(message.headers)
  const { rawHeaders: table } = message
  const inBody = table !== undefined && place === 'body'
  const properties = resendable(message.properties)
  const headers: Record<string, HeaderValue> = {
    'x-twq-reason': facts.type,
    'x-twq-detail': facts.detail.slice(0, LONGEST_DETAIL),
    'x-twq-time': new Date(facts.now).toISOString(),
    'x-twq-node': facts.node,
    'x-twq-queue': facts.queue,
    'x-twq-exchange': route.exchange,
    'x-twq-routing-key': route.routingKey,
    'x-twq-redelivered': facts.redelivered,
    'x-twq-properties': definedProperties(properties),
    ...more,
  }
  if (facts.id !== undefined) headers['x-twq-id'] = facts.id.slice(0, LONGEST_NAME)
  if (facts.task !== undefined) headers['x-twq-task'] = facts.task.slice(0, LONGEST_NAME)
  if (starts > 0) headers['x-twq-starts'] = facts.starts ?? starts
  if (history.length > 0) headers['x-twq-history'] = history
  if (table === undefined) headers['x-twq-headers-decoded'] = message.headers
  else if (inBody) headers['x-twq-headers-in-body'] = table.length
  else headers['x-twq-headers'] = table
  return {
    route: { exchange: '', routingKey: queue },
    message: {
      properties: {
        contentType: inBody ? 'application/octet-stream' : properties.contentType,
        contentEncoding: inBody ? 'binary' : properties.contentEncoding,
        correlationId: properties.correlationId,
        deliveryMode: 2,
        ...(expiration !== undefined && { expiration: String(expiration) }),
      },
      headers,
      body: inBody ? Buffer.concat([table, message.body]) : message.body,
    },
  }
}

/** The facts that the headers of a quarantined message tell; undefined for each that is missing or of another type. */
export function readQuarantineFacts(headers: Headers) {
  const text = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const starts = headers['x-twq-starts']
  return {
    id: text('x-twq-id'),
    task: text('x-twq-task'),
    reason: text('x-twq-reason'),
    detail: text('x-twq-detail'),
    time: text('x-twq-time'),
    node: text('x-twq-node'),
    queue: text('x-twq-queue'),
    starts: typeof starts === 'number' ? starts : undefined,
  }
}

/**
 * The original of a quarantined message, byte for byte, and where it was published to; undefined if it is not one. Our own
 * marks and what queues counted are no part of the original.
 */
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
  if (!(split >= 0 && split <= body.length)) return undefined
  const rawHeaders = split > 0 ? body.subarray(0, split) : copied instanceof Uint8Array ? copied : undefined
  const forms = { headers: isTable(decoded) ? decoded : {}, rawHeaders }
  return {
    route: { exchange, routingKey },
    message: { properties: readProperties(properties), ...withoutPast(forms), body: body.subarray(split) },
  }
}

function withoutPast(forms: HeaderForms): HeaderForms {
  try {
    return changeHeaders(forms, { drop: isOfThePast })
  } catch {
    // No table at all: there are no marks in it.
    return forms
  }
}

function definedProperties(properties: Properties): Headers {
  const table: Record<string, HeaderValue> = {}
  for (const [name, value] of Object.entries(properties)) if (value !== undefined) table[name] = value
  return table
}

const TEXTS = [
  'contentType',
  'contentEncoding',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'type',
  'userId',
  'appId',
] as const
const NUMBERS = ['deliveryMode', 'priority', 'timestamp'] as const

/** The properties among what a table holds; any sender can have written it. */
function readProperties(table: Headers): Properties {
  const properties: Record<string, string | number> = {}
  for (const name of TEXTS) {
    const value = table[name]
    if (typeof value === 'string') properties[name] = value
  }
  for (const name of NUMBERS) {
    const value = table[name]
    const most = name === 'timestamp' ? Number.MAX_SAFE_INTEGER : 255
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most) properties[name] = value
  }
  return properties
}

function isTable(value: HeaderValue | undefined): value is Headers {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
