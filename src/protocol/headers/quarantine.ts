import { quarantineQueue } from '../companion-queues.ts'
import type { Headers, HeaderValue, Outgoing, Properties, Route, WireMessage } from '../wire.ts'
import { changeHeaders, type HeaderForms } from './raw-headers.ts'
import { resendable } from './resendable.ts'
import { readStory, type Story, storyHeaders } from './story.ts'
import { isOfThePast, readMarks } from './suspect.ts'

/** Why and where a message was set aside. */
export interface QuarantineFacts {
  /** The queue it was consumed from, and the exchange and key it was first published to. */
  readonly queue: string
  readonly route: Route
  readonly redelivered: boolean
  /** The task's id and name, if they could be read. */
  readonly id: string | undefined
  readonly task: string | undefined
  /** A Celery-style exception name. */
  readonly type: string
  readonly detail: string
  readonly node: string
  /** How often it started without being settled, if that is the reason. */
  readonly starts?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** The header of a quarantined message that holds the header table of the original. */
export type TablePlace = 'headers' | 'body'

// A frame holds all headers of a message: a larger table is put before the body.
const LARGEST_HEADER_COPY = 40_000
const LONGEST_DETAIL = 1_000
const LONGEST_NAME = 255

/** A separate entry, so that other programs can read and match it. */
const REASON = 'x-twq-reason'
const STARTS = 'x-twq-starts'
const IN_BODY = 'x-twq-headers-in-body'

/** Where the header table of `message` is put, unless the broker refuses it there. */
export function placeOfTable({ rawHeaders }: WireMessage): TablePlace {
  return rawHeaders !== undefined && rawHeaders.length > LARGEST_HEADER_COPY ? 'body' : 'headers'
}

/**
 * The message for the quarantine: the body, the header table's bytes as delivered, the reason, and the rest of its record, with
 * its properties, in one header. `restoreQuarantined` undoes it. Nothing of the original affects the broker any more: no
 * expiration, no user id. A worker that receives the copy finds the marks of the original in their usual place.
 */
export function quarantineMessage(
  message: WireMessage,
  facts: QuarantineFacts,
  place: TablePlace = placeOfTable(message),
): Outgoing {
  return setAsideCopy(message, facts, { queue: quarantineQueue(facts.queue), place })
}

/** The destination of a copy that is set aside, and what it records besides the common fields. */
export interface SetAside {
  readonly queue: string
  readonly place: TablePlace
  readonly story?: Story
  /** Milliseconds after which the broker drops the copy. */
  readonly expiration?: number | undefined
}

/** The copy of a message for a queue beside its task queue; see {@link quarantineMessage}. */
export function setAsideCopy(
  message: WireMessage,
  facts: QuarantineFacts,
  { queue, place, story: more, expiration }: SetAside,
): Outgoing {
  const { route = facts.route, starts, history, redelivered } = readMarks(message.headers)
  const { rawHeaders: table } = message
  const inBody = table !== undefined && place === 'body'
  const properties = resendable(message.properties)
  const headers: Record<string, HeaderValue> = {
    [REASON]: facts.type,
    ...storyHeaders({
      detail: facts.detail.slice(0, LONGEST_DETAIL),
      id: facts.id?.slice(0, LONGEST_NAME),
      task: facts.task?.slice(0, LONGEST_NAME),
      ...more,
      time: new Date(facts.now).toISOString(),
      node: facts.node,
      queue: facts.queue,
      exchange: route.exchange,
      'routing-key': route.routingKey,
      properties: definedProperties(properties),
    }),
  }
  if (facts.redelivered || redelivered) headers['x-twq-redelivered'] = true
  if (starts > 0) headers[STARTS] = facts.starts ?? starts
  if (history.length > 0) headers['x-twq-history'] = history
  if (table === undefined) headers['x-twq-headers-decoded'] = message.headers
  else if (inBody) headers[IN_BODY] = table.length
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

/** The facts in the headers of a quarantined message; undefined for each that is missing or has another type. */
export function readQuarantineFacts(headers: Headers) {
  const told = readStory(headers)
  const text = (value: HeaderValue | undefined): string | undefined => (typeof value === 'string' ? value : undefined)
  const starts = headers[STARTS]
  return {
    id: text(told('id')),
    task: text(told('task')),
    reason: text(headers[REASON]),
    detail: text(told('detail')),
    time: text(told('time')),
    node: text(told('node')),
    queue: text(told('queue')),
    starts: typeof starts === 'number' ? starts : undefined,
  }
}

/**
 * The original of a quarantined message, byte for byte, with its first exchange and routing key; undefined if the message is not
 * such a copy. Our own marks and the queues' counts are not part of the original.
 */
export function restoreQuarantined(wire: WireMessage): Outgoing | undefined {
  const { headers, body } = wire
  const told = readStory(headers)
  const exchange = told('exchange')
  const routingKey = told('routing-key')
  const properties = told('properties')
  if (typeof exchange !== 'string' || typeof routingKey !== 'string' || !isTable(properties)) return undefined
  const inBody = headers[IN_BODY]
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

/** Whether the header table of the original is before its body: it fills a frame. */
export function hasTableInBody(headers: Headers): boolean {
  return typeof headers[IN_BODY] === 'number'
}

function withoutPast(forms: HeaderForms): HeaderForms {
  try {
    return changeHeaders(forms, { drop: isOfThePast })
  } catch {
    // Not a table: it holds no marks.
    return forms
  }
}

function definedProperties(properties: Properties): Record<string, string | number> {
  const table: Record<string, string | number> = {}
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

/** The properties in a decoded table; any sender may have written it. */
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
