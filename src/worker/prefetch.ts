import type { Channel, ServerInfo } from '../broker/broker.ts'
import { isRabbitMq4 } from '../broker/server-version.ts'

// AMQP carries the count in 16 bits, and 0 means no limit at all.
const LARGEST = 65_535

/**
 * Keeps the broker's limit on unacknowledged messages at `base` plus the requests held for later, so that waiting ones
 * never stop the rest. Changes are collected: only the newest count is sent, one request at a time.
 */
export class Prefetch {
  #base: number
  #held = 0
  #apply: ((count: number) => Promise<void>) | undefined
  #stepped = false
  #applied = 0
  #sending = false

  constructor(base: number) {
    this.#base = base
  }

  /** What the broker should allow now. */
  get count(): number {
    return this.#base === 0 ? 0 : Math.min(this.#base + this.#held, LARGEST)
  }

  /** Allows so many more (or, negative, fewer) from now on, but for at least one; no limit stays none. */
  widen(change: number): void {
    if (this.#base === 0) return
    this.#base = Math.min(Math.max(this.#base + change, 1), LARGEST)
    this.#send()
  }

  /** One more (or, negative, fewer) request is held for later. */
  hold(change: number): void {
    this.#held += change
    this.#send()
  }

  /**
   * A new channel that has the count `applied` already, the current one by default; `apply` changes it from now on.
   * `stepped` is for channels where a change is dear: it then grows by doubling and shrinks only when it is four times too
   * large.
   */
  attach(
    apply: (count: number) => Promise<void>,
    options: { readonly stepped: boolean; readonly applied?: number },
  ): void {
    this.#apply = apply
    this.#stepped = options.stepped
    this.#applied = options.applied ?? this.count
    this.#sending = false
    this.#send()
  }

  /** The channel is gone. */
  detach(): void {
    this.#apply = undefined
  }

  #wanted(): number {
    const exact = this.count
    if (!this.#stepped || exact === 0) return exact
    if (exact <= this.#applied && exact * 4 > this.#applied) return this.#applied
    return Math.min(Math.max(exact * 2, this.#base), LARGEST)
  }

  #send(): void {
    const apply = this.#apply
    const count = this.#wanted()
    if (apply === undefined || this.#sending || count === this.#applied) return
    this.#sending = true
    const again = (): void => {
      if (this.#apply !== apply) return
      this.#applied = count
      this.#sending = false
      this.#send()
    }
    // A failure means that the channel is going; the next one starts from the right count.
    apply(count).then(again, () => undefined)
  }
}

/** Whether one limit can be shared by all consumers of a channel and changed while they run (wire specification 1.4). */
export function sharesPrefetch(server: ServerInfo, hasQuorumQueue: boolean): boolean {
  return !hasQuorumQueue && !isRabbitMq4(server)
}

/** Sets a channel-wide limit. */
export function channelPrefetch(channel: Channel): (count: number) => Promise<void> {
  return (count) => channel.prefetch(count, 'channel')
}
