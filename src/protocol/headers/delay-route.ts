import type { Route, WireMessage } from '../wire.ts'
import { changeHeaders } from './raw-headers.ts'
import { resendable } from './resendable.ts'
import { isCount, sendsElsewhere } from './suspect.ts'

// Celery's native delayed delivery (wire specification 1.5): one queue for each power of two of seconds. The routing key states
// in binary which of them a message waits in.

/** The number of levels, from 27 down to 0. */
export const DELAY_LEVELS = 28
/** The exchange that messages reach after their delay. */
export const DELAYED_DELIVERY_EXCHANGE = 'celery_delayed_delivery'
/** The longest delay of one pass, in seconds: eight and a half years. */
export const LONGEST_DELAY = 2 ** DELAY_LEVELS - 1

const LONGEST_KEY = 255
/** The 28 digits, each followed by a dot. */
const PREFIX_LENGTH = 2 * DELAY_LEVELS
const PREFIX = new RegExp(`^(?:[01]\\.){${DELAY_LEVELS}}`)
const LEVEL = /^celery_delayed_\d+$/

/** The name of the exchange of a level, and of its queue. */
export function delayLevel(level: number): string {
  return `celery_delayed_${level}`
}

/**
 * Whether messages for `queue` can use the delay queues: with the digits the routing key must fit into AMQP's limit, and no word
 * of the name may be a wildcard, since it is also used in a binding.
 */
export function isDelayable(queue: string): boolean {
  if (Buffer.byteLength(queue) + PREFIX_LENGTH > LONGEST_KEY) return false
  return queue.split('.').every((word) => word !== '*' && word !== '#')
}

/**
 * The whole seconds that a message due at `due` waits in the delay queues, rounded down; both times in milliseconds since the
 * epoch.
 */
export function secondsUntil(due: number, now: number): number {
  return Math.min(Math.max(Math.floor((due - now) / 1000), 0), LONGEST_DELAY)
}

/**
 * The exchange and routing key by which a message reaches `queue` after `seconds`, a whole number from 1 to {@link
 * LONGEST_DELAY}.
 */
export function delayRoute(queue: string, seconds: number): Route {
  const digits = seconds.toString(2).padStart(DELAY_LEVELS, '0')
  return { exchange: delayLevel(DELAY_LEVELS - 1), routingKey: `${[...digits].join('.')}.${queue}` }
}

/**
 * The binding key of `queue` at the exchange for delayed messages: any delay, then the whole name. Celery's own `#.NAME` would
 * also deliver to `NAME` what is meant for `other.NAME`.
 */
export function delayBinding(queue: string): string {
  return `${'*.'.repeat(DELAY_LEVELS)}${queue}`
}

/**
 * The destination of a message before its delay; undefined if it does not come from the delay queues. A message's exchange is the
 * one to which it was last published, by its sender or by a queue in which it expired: after its last delay queue it passes only
 * bindings between exchanges, which leave the exchange unchanged.
 */
export function keyBeforeDelay({ exchange, routingKey }: Route): string | undefined {
  const ofLadder = exchange === DELAYED_DELIVERY_EXCHANGE || LEVEL.test(exchange)
  if (!ofLadder || !PREFIX.test(routingKey)) return undefined
  return routingKey.slice(PREFIX_LENGTH)
}

/**
 * The message for the delay queues: without its expiration, which would end the wait early (the `expires` header states the same
 * limit); without the broker's record of earlier passes, since the broker drops a message that expires in the same queue twice;
 * and without further recipients.
 */
export function delayable(message: WireMessage): WireMessage {
  const properties = resendable({ ...message.properties, expiration: undefined, userId: undefined })
  return { properties, ...changeHeaders(message, { drop: keepsFromWaiting }), body: message.body }
}

// A quorum queue's delivery counts belong to the message before, not to this one.
function keepsFromWaiting(name: string): boolean {
  return isOfADeath(name) || isCount(name) || sendsElsewhere(name)
}

/** True for a header in which the broker records the queues where a message was dead-lettered. */
export function isOfADeath(name: string): boolean {
  return name === 'x-death' || name.startsWith('x-first-death-') || name.startsWith('x-last-death-')
}
