import type { Channel, CloseReason } from '../broker.ts'
import type { Kept, Session } from '../session.ts'

/** Channels that were left and still wait for confirms: beyond so many no other one is opened. */
const MOST_LEFT = 8

/** The publisher, which hears when its channels open and close. */
export interface ChannelsOwner {
  /** `current` is another channel. */
  opened(): void
  /** What was written to this channel, and not confirmed, is uncertain. */
  lost(channel: Channel, reason: CloseReason): void
  /** How many messages are on their way on a channel. */
  inFlightOn(channel: Channel): number
}

/** The channels of a publisher: the current one, and replaced ones that drain. */
export class PublisherChannels implements AsyncDisposable {
  readonly #session: Pick<Session, 'keep'>
  readonly #owner: ChannelsOwner
  /** Resolves once the first is open. */
  readonly ready: Promise<void>
  #kept: Kept
  #current: Channel | undefined
  /** To replace the current one as soon as it is open. */
  #next: Kept | undefined
  /** Each until nothing is on its way there. */
  readonly #left = new Map<Channel, { readonly kept: Kept; inFlight: number }>()

  constructor(session: Pick<Session, 'keep'>, owner: ChannelsOwner) {
    this.#session = session
    this.#owner = owner
    this.#kept = this.#keep()
    this.ready = this.#kept.ready
  }

  /** Where the next message is written; undefined while there is no channel. */
  get current(): Channel | undefined {
    return this.#current?.isOpen ? this.#current : undefined
  }

  /** Opens another channel, which takes the next messages once it is there; does nothing while many are left that wait for confirms. */
  renew(): void {
    if (this.#next !== undefined || this.#left.size >= MOST_LEFT) return
    const next = this.#keep()
    this.#next = next
    next.ready.catch(() => {
      if (this.#next === next) this.#next = undefined
    })
  }

  /** Notes that a message of this channel is on its way no more: a channel that was left ends after its last one, so that nothing is sent twice. */
  landed(channel: Channel): void {
    const left = this.#left.get(channel)
    if (left === undefined) return
    left.inFlight -= 1
    if (left.inFlight === 0) this.#end(channel)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [this.#kept, this.#next, ...[...this.#left.values()].map(({ kept }) => kept)]
    await Promise.all(all.map((kept) => kept?.[Symbol.asyncDispose]()))
  }

  #keep(): Kept {
    const kept = this.#session.keep('publisher', async (channel) => {
      if (kept === this.#next) this.#leave()
      this.#current = channel
      void channel.closed.then((reason) => this.#closed(channel, reason))
      this.#owner.opened()
    })
    return kept
  }

  #leave(): void {
    const [kept, channel] = [this.#kept, this.#current]
    this.#kept = this.#next as Kept
    this.#next = undefined
    const inFlight = channel === undefined ? 0 : this.#owner.inFlightOn(channel)
    if (channel === undefined || inFlight === 0) void kept[Symbol.asyncDispose]()
    else this.#left.set(channel, { kept, inFlight })
  }

  #closed(channel: Channel, reason: CloseReason): void {
    if (this.#current === channel) this.#current = undefined
    // Nothing takes the place of one that was left on the next connection.
    this.#end(channel)
    this.#owner.lost(channel, reason)
  }

  #end(channel: Channel): void {
    const left = this.#left.get(channel)
    this.#left.delete(channel)
    void left?.kept[Symbol.asyncDispose]()
  }
}
