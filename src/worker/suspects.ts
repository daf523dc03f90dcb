import type { Channel, Delivery, ServerInfo, Subscription } from '../broker/broker.ts'
import { suspectsQueue } from '../protocol/suspect.ts'
import { isLoss } from './consumer.ts'
import { sharesPrefetch } from './prefetch.ts'

/** What suspects need around them. */
export interface SuspectsParts {
  /** Declares the suspects of a task queue, on another channel: a refusal closes the one it came on. */
  readonly declare: (queue: string) => Promise<unknown>
  readonly onDelivery: (delivery: Delivery, queue: string) => void
}

/**
 * Takes one message at a time from the suspects of the task queues, on a channel of its own: a delivered one is started
 * at once, so one that comes back has started. (Where a limit can't be shared among consumers, one for each queue.)
 */
export class Suspects {
  readonly #parts: SuspectsParts
  readonly #queues: Set<string>
  #subscriptions = new Map<string, Subscription>()
  #channel: Channel | undefined
  #stopped = false

  constructor(queues: readonly string[], parts: SuspectsParts) {
    this.#parts = parts
    this.#queues = new Set(queues)
  }

  /** Sets up a new channel. */
  async setup(channel: Channel, server: ServerInfo): Promise<void> {
    this.#channel = undefined
    this.#subscriptions = new Map()
    if (this.#stopped) return
    await channel.prefetch(1, sharesPrefetch(server, false) ? 'channel' : 'consumer')
    for (const queue of this.#queues) await this.#consume(channel, queue)
    this.#channel = channel
  }

  /** Takes the suspects of one more task queue, too, now and on every later channel. Rejects as a consumer's `add` does. */
  async add(queue: string): Promise<void> {
    if (this.#queues.has(queue)) return
    this.#queues.add(queue)
    const channel = this.#channel
    if (channel?.isOpen !== true) return
    try {
      await this.#consume(channel, queue)
    } catch (error) {
      if (isLoss(error, channel)) return
      this.#queues.delete(queue)
      throw error
    }
  }

  /** Leaves the suspects of a task queue to others. */
  async remove(queue: string): Promise<void> {
    this.#queues.delete(queue)
    const subscription = this.#subscriptions.get(queue)
    this.#subscriptions.delete(queue)
    // Without a channel there is no consumer either.
    await subscription?.cancel().catch(() => {})
  }

  /** Takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true
    const subscriptions = [...this.#subscriptions.values()]
    this.#subscriptions = new Map()
    await Promise.allSettled(subscriptions.map((subscription) => subscription.cancel()))
  }

  async #consume(channel: Channel, queue: string): Promise<void> {
    await this.#parts.declare(queue)
    const subscriptions = this.#subscriptions
    if (!this.#queues.has(queue) || subscriptions.has(queue) || this.#stopped) return
    const take = (delivery: Delivery): void => this.#parts.onDelivery(delivery, queue)
    const subscription = await channel.consume(suspectsQueue(queue), take)
    if (this.#queues.has(queue) && !this.#stopped) subscriptions.set(queue, subscription)
    else await subscription.cancel()
  }
}
