import type { Channel, Delivery, ServerInfo, Subscription } from '../broker/broker.ts'
import { declareSuspects } from '../broker/topology.ts'
import { suspectsQueue } from '../protocol/suspect.ts'
import { sharesPrefetch } from './prefetch.ts'

/**
 * Takes one message at a time from the suspects of the task queues, on a channel of its own: a delivered one is started
 * at once, so one that comes back has started. (Where a limit can't be shared among consumers, one for each queue.)
 */
export class Suspects {
  readonly #queues: readonly string[]
  readonly #onDelivery: (delivery: Delivery, queue: string) => void
  #subscriptions: Subscription[] = []
  #stopped = false

  constructor(queues: readonly string[], onDelivery: (delivery: Delivery, queue: string) => void) {
    this.#queues = queues
    this.#onDelivery = onDelivery
  }

  /** Sets up a new channel. */
  async setup(channel: Channel, server: ServerInfo): Promise<void> {
    this.#subscriptions = []
    if (this.#stopped) return
    for (const queue of this.#queues) await declareSuspects(channel, queue)
    await channel.prefetch(1, sharesPrefetch(server, false) ? 'channel' : 'consumer')
    for (const queue of this.#queues) {
      const take = (delivery: Delivery): void => this.#onDelivery(delivery, queue)
      this.#subscriptions.push(await channel.consume(suspectsQueue(queue), take))
    }
  }

  /** Takes no more. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.allSettled(this.#subscriptions.splice(0).map((subscription) => subscription.cancel()))
  }
}
