import type { Channel, Delivery, ServerInfo, Subscription } from '../broker/broker.ts'
import { messageOf } from '../errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { pause } from '../runtime/pause.ts'
import { channelPrefetch, type Prefetch, sharesPrefetch } from './prefetch.ts'

/** What a consumer needs around it. */
export interface ConsumerParts {
  readonly queues: readonly string[]
  readonly prefetch: Prefetch
  /** Declares what these queues need; tells which of them are quorum queues. */
  readonly declare: (
    channel: Channel,
    queues: readonly string[],
  ) => Promise<{ readonly quorumQueues: readonly string[] }>
  readonly onDelivery: (delivery: Delivery, queue: string) => void
  /** A new channel consumes: whatever was taken from the one before has gone back to the broker. */
  readonly onRenewed: () => void
  readonly clock: Clock
  readonly logger: Logger
}

// Between attempts to get a consumer back that the broker has ended, in milliseconds.
const RESTORE_AFTER = 1_000

/** Subscribes to the task queues on one channel, the same way on the first connection and on every later one. */
export class Consumer {
  readonly #parts: ConsumerParts
  #subscriptions = new Map<string, Subscription>()
  #stopped = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
  }

  /** The queues with a confirmed consumer. */
  get consuming(): string[] {
    return [...this.#subscriptions.keys()]
  }

  /** Sets up a new channel: declare, limit, consume. */
  async setup(channel: Channel, signal: AbortSignal, server: ServerInfo): Promise<void> {
    const { queues, prefetch, declare, onRenewed } = this.#parts
    this.#subscriptions = new Map()
    prefetch.detach()
    onRenewed()
    if (this.#stopped) return
    signal.addEventListener('abort', () => this.#forget(), { once: true })
    const { quorumQueues } = await declare(channel, queues)
    const shared = sharesPrefetch(server, quorumQueues.length > 0)
    // The limit comes before the first consumer: deliveries start at once.
    await channel.prefetch(prefetch.count, shared ? 'channel' : 'consumer')
    const subscriptions = this.#subscriptions
    for (const queue of queues) subscriptions.set(queue, await this.#consume(channel, queue, signal))
    const renew = (count: number): Promise<void> => this.#renew(channel, subscriptions, count, signal)
    prefetch.attach(shared ? channelPrefetch(channel) : renew, { stepped: !shared })
  }

  /** Stops taking messages; those in hand stay. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#parts.prefetch.detach()
    const subscriptions = [...this.#subscriptions.values()]
    this.#subscriptions = new Map()
    await Promise.allSettled(subscriptions.map((subscription) => subscription.cancel()))
  }

  #forget(): void {
    this.#subscriptions = new Map()
    this.#parts.prefetch.detach()
  }

  #consume(channel: Channel, queue: string, signal: AbortSignal): Promise<Subscription> {
    return channel.consume(queue, (delivery) => this.#parts.onDelivery(delivery, queue), {
      onCancelled: () => void this.#restore(channel, queue, signal),
    })
  }

  /** The broker ended a consumer, since its queue was deleted or has moved: declares and consumes again, on the same channel. */
  async #restore(channel: Channel, queue: string, signal: AbortSignal): Promise<void> {
    const { declare, logger, clock } = this.#parts
    const subscriptions = this.#subscriptions
    subscriptions.delete(queue)
    logger.warn({ event: 'consumer.cancelled', queue }, 'the broker ended a consumer; setting it up again')
    while (!signal.aborted && !this.#stopped && channel.isOpen) {
      try {
        await declare(channel, [queue])
        subscriptions.set(queue, await this.#consume(channel, queue, signal))
        logger.info({ event: 'consumer.restored', queue }, 'consuming again')
        return
      } catch (error) {
        logger.error(
          { event: 'consumer.down', queue, error: messageOf(error) },
          'a consumer can not be set up; trying again',
        )
        await pause(clock, RESTORE_AFTER, signal)
      }
    }
  }

  /** A consumer's own limit is fixed when it starts: a new consumer takes over from the old one. */
  async #renew(
    channel: Channel,
    subscriptions: Map<string, Subscription>,
    count: number,
    signal: AbortSignal,
  ): Promise<void> {
    await channel.prefetch(count, 'consumer')
    for (const queue of this.#parts.queues) {
      const before = subscriptions.get(queue)
      if (before === undefined || this.#stopped) continue
      subscriptions.set(queue, await this.#consume(channel, queue, signal))
      await before.cancel()
    }
  }
}
