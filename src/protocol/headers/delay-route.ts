import type { Route, WireMessage } from '../wire.ts'
import { changeHeaders } from './raw-headers.ts'
import { resendable } from './resendable.ts'
import { isCount, sendsElsewhere } from './suspect.ts'

// Celery's native delayed delivery (wire specification 1.5): a ladder of queues, one for each power of two of seconds. The
// routing key says in binary which of them a message waits in.

/** How many levels the ladder has: 27 down to 0. */
export const DELAY_LEVELS = 28
/** Where messages whose delay is over come out. */
export const DELAYED_DELIVERY_EXCHANGE = 'celery_delayed_delivery'
/** The longest delay that one trip takes, in seconds: eight and a half years. */
export const LONGEST_DELAY = 2 ** DELAY_LEVELS - 1

const LONGEST_KEY = 255
/** The 28 digits with the dot after each. */
const PREFIX_LENGTH = 2 * DELAY_LEVELS
const PREFIX = new RegExp(`^(?:[01]\\.){${DELAY_LEVELS}}`)
const LEVEL = /^celery_delayed_\d+$/

/** The name of the exchange, and of the queue behind it, of one level. */
export function delayLevel(level: number): string {
  return `celery_delayed_${level}`
}

/**
 * Whether messages for `queue` can take the ladder: with its digits the routing key must fit into AMQP, and no word of the
 * name may be a wildcard where it is a binding.
 */
export function isDelayable(queue: string): boolean {
  if (Buffer.byteLength(queue) + PREFIX_LENGTH > LONGEST_KEY) return false
  return queue.split('.').every((word) => word !== '*' && word !== '#')
}

/** The whole seconds that a message due at `due` waits in the ladder, both in milliseconds since the epoch: never too long. */
export function secondsUntil(due: number, now: number): number {
  return Math.min(Math.max(Math.floor((due - now) / 1000), 0), LONGEST_DELAY)
}

/** Where to publish what is to reach `queue` after `seconds`, a whole number from 1 to {@link LONGEST_DELAY}. */
export function delayRoute(queue: string, seconds: number): Route {
  const digits = seconds.toString(2).padStart(DELAY_LEVELS, '0')
  return { exchange: delayLevel(DELAY_LEVELS - 1), routingKey: `${[...digits].join('.')}.${queue}` }
}

/**
 * The key that binds `queue` to where delayed messages come out: any delay, and the whole name. Celery's own `#.NAME` would
 * also bring `NAME` what is meant for `other.NAME`.
 */
export function delayBinding(queue: string): string {
  return `${'*.'.repeat(DELAY_LEVELS)}${queue}`
}

/**
 * Where a message was meant to go before it was delayed; undefined for one that does not come from the ladder. The exchange of
 * a message is the one that it was published to last, by its sender or by a queue that it expired in: after the last level
 * that it waited in it only passes bindings between exchanges, which leave that as it is.
 */
export function keyBeforeDelay({ exchange, routingKey }: Route): string | undefined {
  const ofLadder = exchange === DELAYED_DELIVERY_EXCHANGE || LEVEL.test(exchange)
  if (!ofLadder || !PREFIX.test(routingKey)) return undefined
  return routingKey.slice(PREFIX_LENGTH)
}

/**
 * The message as it may take the ladder. Without its expiration, which would end the wait early (the `expires` header says
 * the same at the end); without what the broker wrote of earlier trips, since it drops a message that dies of age in the
 * same queue twice; and to its queue alone.
 */
export function delayable(message: WireMessage): WireMessage {
  const properties = resendable({ ...message.properties, expiration: undefined, userId: undefined })
  return { properties, ...changeHeaders(message, { drop: keepsFromWaiting }), body: message.body }
}

// A quorum queue's counts are those of another message, as it were.
function keepsFromWaiting(name: string): boolean {
  return isOfADeath(name) || isCount(name) || sendsElsewhere(name)
}

/** True for the name of a header that the broker wrote of queues that the message died in. */
export function isOfADeath(name: string): boolean {
  return name === 'x-death' || name.startsWith('x-first-death-') || name.startsWith('x-last-death-')
}
