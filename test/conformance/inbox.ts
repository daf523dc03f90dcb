import type { Channel, Delivery, Subscription } from '../../src/broker/broker.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'

/** What a consumer got, for tests to await. */
export class Inbox {
  readonly #arrived: Delivery[] = []
  readonly #waiting: ((delivery: Delivery) => void)[] = []
  subscription: Subscription | undefined

  /** Consumes a queue into a new inbox. */
  static async of(
    channel: Channel,
    queue: string,
    options: Parameters<Channel['consume']>[2] = {},
  ): Promise<Inbox & { subscription: Subscription }> {
    const inbox = new Inbox()
    inbox.subscription = await channel.consume(queue, (delivery) => inbox.take(delivery), options)
    return inbox as Inbox & { subscription: Subscription }
  }

  /** How many came that nobody asked for yet. */
  get waiting(): number {
    return this.#arrived.length
  }

  take(delivery: Delivery): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#arrived.push(delivery)
    else waiting(delivery)
  }

  next(): Promise<Delivery> {
    const delivery = this.#arrived.shift()
    if (delivery !== undefined) return Promise.resolve(delivery)
    const { promise, resolve } = deferred<Delivery>()
    this.#waiting.push(resolve)
    return promise
  }

  async nextOnes(count: number): Promise<Delivery[]> {
    const deliveries: Delivery[] = []
    while (deliveries.length < count) deliveries.push(await this.next())
    return deliveries
  }
}

/** The body of a delivery as text. */
export function textOf(delivery: Delivery): string {
  return Buffer.from(delivery.body).toString()
}
