import { hasOnlyProtocolHeaders } from '../known-headers.ts'
import type { Headers, HeaderValue, Outgoing, Route, WireMessage } from '../wire.ts'
import { changeHeaders } from './raw-headers.ts'
import { resendable } from './resendable.ts'

const STARTS = 'x-twq-starts'
const EXCHANGE = 'x-twq-exchange'
const ROUTING_KEY = 'x-twq-routing-key'
const HISTORY = 'x-twq-history'
const REDELIVERED = 'x-twq-redelivered'
const GRACE_USED = 'x-twq-grace-used'
const ENDED = 'x-twq-ended'
const MARKS: readonly string[] = [STARTS, REDELIVERED, GRACE_USED, ENDED, EXCHANGE, ROUTING_KEY, HISTORY]
// A quorum queue of RabbitMQ writes the first to a returned message, and from 4.3 on the second.
const COUNTS: readonly string[] = ['x-delivery-count', 'x-acquired-count']
const LONGEST_HISTORY = 20
/** In characters: a time, a node name and a sentence. */
const LONGEST_LINE = 400
/** More than any limit on starts. */
const MOST_STARTS = 1_000_000
/** Bytes of an exchange's name or a routing key. */
const LONGEST_NAME = 255

/** The marks of a message: how often it was started and moved so far. */
export interface Marks {
  /** How often it may have started without being settled, according to this header. */
  readonly starts: number
  /** An earlier delivery may have started, settled or not. */
  readonly redelivered: boolean
  /** From now on, if a worker dies while it holds the message as a suspect, that counts as a start. */
  readonly graceUsed: boolean
  /** How its attempt ended, after which it must be set aside, not run; undefined unless the message is a copy of ours. */
  readonly ended: string | undefined
  /** Where it was first published to; undefined unless it is a copy of ours. */
  readonly route: Route | undefined
  /** One line per move, the latest ones. */
  readonly history: readonly string[]
}

const NO_MARKS: Marks = Object.freeze({
  starts: 0,
  redelivered: false,
  graceUsed: false,
  ended: undefined,
  route: undefined,
  history: Object.freeze([]),
})

/**
 * Reads our marks. Any sender may have written them, so their effect is limited: they can only move a message towards the
 * suspects or the quarantine of its queue; they are bounded, and they never choose the destination of a copy.
 */
export function readMarks(headers: Headers): Marks {
  if (hasOnlyProtocolHeaders(headers)) return NO_MARKS
  const starts = headers[STARTS]
  const exchange = headers[EXCHANGE]
  const routingKey = headers[ROUTING_KEY]
  const ended = headers[ENDED]
  const known = isShortText(exchange) && isShortText(routingKey)
  return {
    starts: isWhole(starts) ? Math.min(starts, MOST_STARTS) : 0,
    redelivered: headers[REDELIVERED] === true,
    graceUsed: headers[GRACE_USED] === true,
    ended: typeof ended === 'string' ? ended.slice(0, LONGEST_LINE) : undefined,
    route: known ? { exchange, routingKey } : undefined,
    history: historyOf(headers),
  }
}

/** The lines of a message's history, limited to the number and length that we write. */
export function historyOf(headers: Headers): string[] {
  const history = headers[HISTORY]
  if (!Array.isArray(history)) return []
  const lines: string[] = []
  for (const line of history.slice(-LONGEST_HISTORY)) {
    if (typeof line === 'string') lines.push(line.slice(0, LONGEST_LINE))
  }
  return lines
}

/** How often a quorum queue reports that the message was returned to it; undefined if the queue does not count. */
export function deliveryCount(headers: Headers): number | undefined {
  const count = headers['x-delivery-count']
  return isWhole(count) ? Math.min(count, MOST_STARTS) : undefined
}

/** The destination of a copy, and what it records. */
export interface CopyOptions {
  readonly queue: string
  readonly starts: number
  readonly redelivered: boolean
  /** As the original, unless given. */
  readonly graceUsed?: boolean
  /** As the original, unless given. */
  readonly ended?: string | undefined
  /** A line for its history. */
  readonly event?: string
}

/**
 * A copy that starts anew for the broker: no longer redelivered, its past recorded in our headers instead. It reaches only
 * `queue`: headers that would route it elsewhere are left out; all other bytes are the original's.
 */
export function markedCopy(original: WireMessage & { readonly route: Route }, to: CopyOptions): Outgoing {
  const { route = original.route, history, ended, graceUsed: before } = readMarks(original.headers)
  const past = to.event === undefined ? history : [...history, to.event.slice(0, LONGEST_LINE)].slice(-LONGEST_HISTORY)
  const set = {
    [STARTS]: Math.min(to.starts, MOST_STARTS),
    [REDELIVERED]: to.redelivered,
    [GRACE_USED]: (to.graceUsed ?? before) ? true : undefined,
    [ENDED]: (to.ended ?? ended)?.slice(0, LONGEST_LINE),
    [EXCHANGE]: route.exchange,
    [ROUTING_KEY]: route.routingKey,
    [HISTORY]: past,
  }
  const forms = changeHeaders(original, { drop: (name) => isOfThePast(name) || sendsElsewhere(name), set })
  const properties = resendable({ ...original.properties, userId: undefined })
  return { route: { exchange: '', routingKey: to.queue }, message: { properties, ...forms, body: original.body } }
}

/** The mark of a message that is new to the broker, of an attempt that may have started already all the same. */
export const MAY_HAVE_STARTED: Headers = Object.freeze({ [REDELIVERED]: true })

/**
 * A message that may have been sent before: the broker may have it already, or another run of an attempt sends it, too. That of a task
 * is marked: the broker delivers two of them as two new ones. All others, and headers that can't be changed, stay as they are.
 */
export function sentAgain(message: WireMessage): WireMessage {
  const { headers, headersError } = message
  if (typeof headers.task !== 'string' || headers[REDELIVERED] === true || headersError !== undefined) return message
  return { ...message, ...changeHeaders(message, { drop: () => false, set: MAY_HAVE_STARTED }) }
}

/** True for the name of one of our marks. */
export function isMark(name: string): boolean {
  return MARKS.includes(name)
}

/** True for a header in which a queue counts how often a message was returned to it. */
export function isCount(name: string): boolean {
  return COUNTS.includes(name)
}

/** True for a header that describes one message's past: our marks, and the queues' counts. */
export function isOfThePast(name: string): boolean {
  return MARKS.includes(name) || COUNTS.includes(name)
}

/** True for a header by which RabbitMQ routes to further queues. */
export function sendsElsewhere(name: string): boolean {
  return name === 'CC' || name === 'BCC'
}

function isShortText(value: HeaderValue | undefined): value is string {
  return typeof value === 'string' && value.length <= LONGEST_NAME && Buffer.byteLength(value) <= LONGEST_NAME
}

function isWhole(value: HeaderValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
