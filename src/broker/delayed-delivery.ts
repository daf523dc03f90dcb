import { TwqError } from '../errors.ts'
import {
  DELAY_LEVELS,
  DELAYED_DELIVERY_EXCHANGE,
  delayBinding,
  delayLevel,
  isDelayable,
} from '../protocol/headers/delay-route.ts'
import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { unlessAborted } from '../runtime/time/time-limit.ts'
import type { Channel } from './broker.ts'
import type { Session } from './session.ts'

/** Beyond these the oldest are forgotten, and bound again: their names may come from messages. */
const MOST_QUEUES = 10_000
// Until it is tried again what could not be used, in milliseconds: permissions get granted, queues come back.
const AGAIN_AFTER = 60_000

/** The type of the delay queues. A quorum queue dead-letters at least once, and keeps a message that no queue takes. */
export type DelayedQueueType = 'quorum' | 'classic'

/**
 * Where delayed messages go in the end: to the queue of this name, or as in kombu to a topic exchange by their key, and so to
 * every queue that is bound by it, `queue` among them.
 */
export type DelayTarget = string | { readonly queue: string; readonly exchange: string; readonly routingKey: string }

/** How delayed delivery is made. */
export interface DelayedDeliveryOptions {
  readonly session: Pick<Session, 'listen' | 'withChannel'>
  readonly queueType: DelayedQueueType
  /** False: it is never used. */
  readonly enabled: boolean
  readonly clock: Clock
  /** Hears why it can't be used; once for each connection and reason. */
  readonly onUnusable: (error: Error) => void
}

/**
 * Celery's native delayed delivery (wire specification 1.5), declared when it is first needed: once for each connection,
 * however many ask. Where it can't be declared, for want of a permission say, it counts as unusable for a minute.
 */
export class DelayedDelivery {
  readonly #options: DelayedDeliveryOptions
  #ladder: Promise<void> | undefined
  readonly #bound = new Map<string, Promise<boolean>>()
  readonly #ready = new Set<string>()
  #unusableUntil = Number.NEGATIVE_INFINITY
  #told: string | undefined

  constructor(options: DelayedDeliveryOptions) {
    this.#options = options
    options.session.listen((event) => {
      // The next broker behind the address may be another one, or have been told otherwise.
      if (event.kind === 'connected') this.#forgetAll()
    })
  }

  /** False while there is no use in asking. */
  get usable(): boolean {
    return this.#options.enabled && this.#options.clock.monotonic() >= this.#unusableUntil
  }

  /** True once messages for `target` can be delayed. */
  has(target: DelayTarget): boolean {
    return this.#ready.has(nameOf(target))
  }

  /** Declares what delaying messages for `target` takes; resolves with whether it can be done. Never rejects. */
  async prepare(target: DelayTarget, signal?: AbortSignal): Promise<boolean> {
    if (!this.usable || !isDelayable(typeof target === 'string' ? target : target.routingKey)) return false
    const name = nameOf(target)
    let bound = this.#bound.get(name)
    if (bound === undefined) {
      const [oldest] = this.#bound.size < MOST_QUEUES ? [] : this.#bound.keys()
      if (oldest !== undefined) this.forget(oldest)
      bound = this.#bind(target)
      this.#bound.set(name, bound)
    }
    return signal === undefined ? bound : await unlessAborted(bound, signal)
  }

  /**
   * Prepares for a queue that was just declared: if it had been deleted, its bindings were deleted with it. Also prepares for
   * what Celery 5.5 and later delay for its topic exchange: the key of such a message ends with the key it was sent with.
   * Resolves with whether messages can be delayed for the queue by its name. Never rejects.
   */
  async prepareFor({ name, exchange, routingKey }: TaskQueue): Promise<boolean> {
    for (const target of [name, { queue: name, exchange: exchange.name, routingKey }]) this.#unbind(target)
    if (!(await this.prepare(name))) return false
    if (exchange.type !== 'topic' || routingKey === name || !isSpecific(routingKey)) return true
    try {
      const key = delayBinding(routingKey)
      await this.#options.session.withChannel((channel) => channel.bind(name, DELAYED_DELIVERY_EXCHANGE, key))
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CLOSED')) this.#options.onUnusable(error as Error)
    }
    return true
  }

  /** A message for `target` did not get through: the ladder or the binding is gone. */
  forget(target: DelayTarget): void {
    this.#ladder = undefined
    this.#unbind(target)
  }

  /** It refused a message. */
  giveUp(error: Error): void {
    const { clock, onUnusable } = this.#options
    this.#unusableUntil = clock.monotonic() + AGAIN_AFTER
    if (this.#told === error.message) return
    this.#told = error.message
    onUnusable(error)
  }

  async #bind(target: DelayTarget): Promise<boolean> {
    const { session } = this.#options
    try {
      this.#ladder ??= declareLadder(session, this.#options.queueType)
      await this.#ladder
      await session.withChannel((channel) => bindTarget(channel, target))
      this.#ready.add(nameOf(target))
      return true
    } catch (error) {
      this.forget(target)
      // A lost connection says nothing.
      if (!TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CLOSED')) this.giveUp(error as Error)
      return false
    }
  }

  #unbind(target: DelayTarget): void {
    this.#bound.delete(nameOf(target))
    this.#ready.delete(nameOf(target))
  }

  #forgetAll(): void {
    this.#ladder = undefined
    this.#bound.clear()
    this.#ready.clear()
    this.#unusableUntil = Number.NEGATIVE_INFINITY
    this.#told = undefined
  }
}

async function bindTarget(channel: Channel, target: DelayTarget): Promise<void> {
  if (typeof target === 'string') return channel.bind(target, DELAYED_DELIVERY_EXCHANGE, delayBinding(target))
  const key = delayBinding(target.routingKey)
  await channel.bindExchange(target.exchange, DELAYED_DELIVERY_EXCHANGE, key)
  await channel.bind(target.queue, target.exchange, key)
}

function nameOf(target: DelayTarget): string {
  return typeof target === 'string' ? target : JSON.stringify([target.exchange, target.routingKey, target.queue])
}

/** A pattern that begins with a wildcard would bring a queue what is delayed for others. */
function isSpecific(pattern: string): boolean {
  return !/^[*#]/.test(pattern)
}

/** Declares the ladder, of the other type where it exists so or the broker has no such queues. */
export async function declareLadder(session: Pick<Session, 'withChannel'>, queueType: DelayedQueueType): Promise<void> {
  try {
    await session.withChannel((channel) => declareLevels(channel, queueType))
  } catch (error) {
    if (!TwqError.is(error, 'TWQ_QUEUE_MISMATCH')) throw error
    const other = queueType === 'quorum' ? 'classic' : 'quorum'
    await session.withChannel((channel) => declareLevels(channel, other))
  }
}

/** Declares from the last level to the first, so that a message which enters a level finds the next one. */
async function declareLevels(channel: Channel, queueType: DelayedQueueType): Promise<void> {
  await channel.declareExchange({ name: DELAYED_DELIVERY_EXCHANGE, type: 'topic', durable: true })
  for (let level = 0; level < DELAY_LEVELS; level += 1) {
    const name = delayLevel(level)
    const next = level === 0 ? DELAYED_DELIVERY_EXCHANGE : delayLevel(level - 1)
    const higherDigits = '*.'.repeat(DELAY_LEVELS - 1 - level)
    await channel.declareExchange({ name, type: 'topic', durable: true })
    await channel.declareQueue({ name, durable: true, arguments: levelArguments(level, next, queueType) })
    await channel.bind(name, name, `${higherDigits}1.#`)
    await channel.bindExchange(next, name, `${higherDigits}0.#`)
  }
}

function levelArguments(level: number, next: string, queueType: DelayedQueueType): Record<string, unknown> {
  return {
    'x-queue-type': queueType,
    'x-overflow': 'reject-publish',
    'x-message-ttl': 2 ** level * 1000,
    'x-dead-letter-exchange': next,
    ...(queueType === 'quorum' ? { 'x-dead-letter-strategy': 'at-least-once' } : {}),
  }
}
