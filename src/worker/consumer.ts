import type { Channel, Delivery, ServerInfo, Subscription } from '../broker/broker.ts'
import { channelPrefetch, type Prefetch, sharesPrefetch } from './prefetch.ts'

/** What a consumer needs around it. */
export interface ConsumerParts {
  readonly queues: readonly string[]
  readonly prefetch: Prefetch
  /** Declares what the queues need; tells which of them are quorum queues. */
  readonly declare: (channel: Channel) => Promise<{ readonly quorumQueues: readonly string[] }>
  readonly onDelivery: (delivery: Delivery, queue: string) => void
  /** A new channel consumes: whatever was taken from the one before has gone back to the broker. */
  readonly onRenewed: () => void
  /** The broker ended a consumer; the channel should be set up again. */
  readonly onCancelled: (queue: string) => void
}

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
    const { quorumQueues } = await declare(channel)
    const shared = sharesPrefetch(server, quorumQueues.length > 0)
    // The limit comes before the first consumer: deliveries start at once.
    await channel.prefetch(prefetch.count, shared ? 'channel' : 'consumer')
    const subscriptions = this.#subscriptions
    for (const queue of queues) subscriptions.set(queue, await this.#consume(channel, queue))
    const renew = (count: number): Promise<void> => this.#renew(channel, subscriptions, count)
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

  #consume(channel: Channel, queue: string): Promise<Subscription> {
    return channel.consume(queue, (delivery) => this.#parts.onDelivery(delivery, queue), {
      onCancelled: () => {
        this.#subscriptions.delete(queue)
        this.#parts.onCancelled(queue)
      },
    })
  }

  /** A consumer's own limit is fixed when it starts: a new consumer takes over from the old one. */
  async #renew(channel: Channel, subscriptions: Map<string, Subscription>, count: number): Promise<void> {
    await channel.prefetch(count, 'consumer')
    for (const queue of this.#parts.queues) {
      const before = subscriptions.get(queue)
      if (before === undefined || this.#stopped) continue
      subscriptions.set(queue, await this.#consume(channel, queue))
      await before.cancel()
    }
  }
}
