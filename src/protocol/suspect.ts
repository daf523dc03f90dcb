import type { Headers, HeaderValue, Outgoing, Route, WireMessage } from './wire.ts'

/** The durable queue beside `queue` for messages that may have killed the workers that took them. */
export function suspectsQueue(queue: string): string {
  return `${queue}.suspects`
}

const STARTS = 'x-twq-starts'
const EXCHANGE = 'x-twq-exchange'
const ROUTING_KEY = 'x-twq-routing-key'
const HISTORY = 'x-twq-history'
const REDELIVERED = 'x-twq-redelivered'
const ANSWERABLE = 'x-twq-answerable'
const MARKS: readonly string[] = [STARTS, REDELIVERED, ANSWERABLE, EXCHANGE, ROUTING_KEY, HISTORY]
const LONGEST_HISTORY = 20

/** What a message carries of its past. */
export interface Marks {
  /** How many times it may have started without ever being settled, by this header alone. */
  readonly starts: number
  /** An earlier delivery may have started, settled or not. */
  readonly redelivered: boolean
  /** From now on the end of a worker that had it, as a suspect, counts as a start. */
  readonly answerable: boolean
  /** Where it was first published to; undefined unless it is a copy of ours. */
  readonly route: Route | undefined
  /** One line for each time that it was moved. */
  readonly history: readonly string[]
}

/** Reads our marks; whatever somebody else may have written there counts as none. */
export function readMarks(headers: Headers): Marks {
  const starts = headers[STARTS]
  const exchange = headers[EXCHANGE]
  const routingKey = headers[ROUTING_KEY]
  const history = headers[HISTORY]
  const known = typeof exchange === 'string' && typeof routingKey === 'string'
  return {
    starts: isCount(starts) ? starts : 0,
    redelivered: headers[REDELIVERED] === true,
    answerable: headers[ANSWERABLE] === true,
    route: known ? { exchange, routingKey } : undefined,
    history: Array.isArray(history) ? history.filter((line) => typeof line === 'string') : [],
  }
}

/** How often a quorum queue says that it got the message back; undefined where the queue does not count. */
export function deliveryCount(headers: Headers): number | undefined {
  const count = headers['x-delivery-count']
  return isCount(count) ? count : undefined
}

/** Where a copy goes, and what it is to remember. */
export interface CopyOptions {
  readonly queue: string
  readonly starts: number
  readonly redelivered: boolean
  /** As the original, unless given. */
  readonly answerable?: boolean
  /** A line for its history. */
  readonly event?: string
}

/**
 * A copy that starts anew with the broker, which calls it redelivered no more, and carries its past in our headers
 * instead. It reaches `queue` alone: what would send it elsewhere too is left out.
 */
export function markedCopy(original: WireMessage & { readonly route: Route }, to: CopyOptions): Outgoing {
  const { route = original.route, history, answerable: before } = readMarks(original.headers)
  const { userId: _, ...properties } = original.properties
  const past = to.event === undefined ? history : [...history, to.event].slice(-LONGEST_HISTORY)
  const headers: Record<string, HeaderValue> = {
    ...withoutMarks(original.headers),
    [STARTS]: to.starts,
    [REDELIVERED]: to.redelivered,
    ...((to.answerable ?? before) && { [ANSWERABLE]: true }),
    [EXCHANGE]: route.exchange,
    [ROUTING_KEY]: route.routingKey,
    [HISTORY]: past,
  }
  delete headers.CC
  delete headers.BCC
  return { route: { exchange: '', routingKey: to.queue }, message: { properties, headers, body: original.body } }
}

/** The message as it was before it was marked, byte for byte where it never was. */
export function unmarked<Message extends WireMessage>(message: Message): WireMessage {
  if (!MARKS.some((name) => name in message.headers)) return message
  return { properties: message.properties, headers: withoutMarks(message.headers), body: message.body }
}

/** Headers without our marks and the broker's own count: a message that is sent anew has no past. */
export function withoutMarks(headers: Headers): Record<string, HeaderValue> {
  const kept: Record<string, HeaderValue> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (!MARKS.includes(name) && name !== 'x-delivery-count') kept[name] = value
  }
  return kept
}

function isCount(value: HeaderValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
