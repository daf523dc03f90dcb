import type { ConsumerCredit } from './consumer-credit.ts'

/** Called when the broker ends a consumer. */
type ReceiveEnd = (ended: null) => void

interface Receiver {
  readonly receive: ReceiveEnd
  readonly credit: ConsumerCredit
  isCancelled: boolean
}

/**
 * The consumers of one channel that the broker has not ended, by their tags. A cancelled one stays while it has unsettled deliveries, which the
 * broker may still take back.
 */
export class Receivers {
  readonly #receivers = new Map<string, Receiver>()

  add(consumerTag: string, receive: ReceiveEnd, credit: ConsumerCredit): void {
    this.#receivers.set(consumerTag, { receive, credit, isCancelled: false })
  }

  /** The client has cancelled a consumer. */
  cancelled(consumerTag: string): void {
    const receiver = this.#receivers.get(consumerTag)
    if (receiver !== undefined) receiver.isCancelled = true
    for (const [tag, { isCancelled, credit }] of this.#receivers) {
      if (isCancelled && credit.unsettled === 0) this.#receivers.delete(tag)
    }
  }

  /** The broker has ended a consumer: removes and returns its callback; undefined for an unknown one. */
  take(consumerTag: string): ReceiveEnd | undefined {
    const receive = this.#receivers.get(consumerTag)?.receive
    this.#receivers.delete(consumerTag)
    return receive
  }
}
