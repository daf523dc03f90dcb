import type { Redis } from 'ioredis'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { RedisConnection } from './redis-connection.ts'

/** The connection for subscriptions, and the functions that it calls. */
export interface RedisSubscriptionsParts {
  /** A separate connection: once it has subscribed, Redis accepts no other command on it. */
  readonly connection: RedisConnection
  readonly clock: Clock
  readonly onMessage: (channel: string, text: string) => void
  /** From now on no message on these channels is missed; earlier ones, for example during a lost connection, were. */
  readonly onSubscribed: (channels: readonly string[]) => void
  /** They can't be subscribed to. */
  readonly onFailed: (channels: readonly string[], error: Error) => void
}

/** Channels per SUBSCRIBE. */
const BATCH = 1_000
/** Milliseconds between two pings: an idle connection that died is detected by a missing reply. */
const SIGN_OF_LIFE = 15_000

/** Subscribes to channels, and again on each new connection. */
export class RedisSubscriptions {
  readonly #parts: RedisSubscriptionsParts
  readonly #channels = new Set<string>()
  readonly #heard = new WeakSet<Redis>()
  #beat: Timer | undefined

  constructor(parts: RedisSubscriptionsParts) {
    this.#parts = parts
    parts.connection.onConnected((client) => this.#renew(client))
  }

  /** Subscribes to a channel; `onSubscribed` is called when done. */
  add(channel: string): void {
    const { connection } = this.#parts
    this.#channels.add(channel)
    if (connection.connected) void this.#subscribe([channel])
    // Every new connection, including the first, subscribes to all.
    else connection.start().catch((error: Error) => this.#parts.onFailed([channel], error))
  }

  remove(channel: string): void {
    if (!this.#channels.delete(channel) || !this.#parts.connection.connected) return
    this.#parts.connection.call((client) => client.unsubscribe(channel), { within: 0 }).catch(() => {})
  }

  stop(): void {
    this.#beat?.cancel()
  }

  #renew(client: Redis): void {
    if (!this.#heard.has(client)) {
      this.#heard.add(client)
      client.on('message', this.#parts.onMessage)
    }
    const channels = [...this.#channels]
    for (let start = 0; start < channels.length; start += BATCH) {
      void this.#subscribe(channels.slice(start, start + BATCH))
    }
    this.#beat?.cancel()
    this.#beat = this.#parts.clock.after(SIGN_OF_LIFE, () => this.#giveSign(client))
  }

  async #subscribe(channels: readonly string[]): Promise<void> {
    const { connection, onSubscribed, onFailed } = this.#parts
    try {
      await connection.call((client) => client.subscribe(...channels))
      onSubscribed(channels.filter((channel) => this.#channels.has(channel)))
    } catch (error) {
      if (connection.connected) onFailed(channels, error as Error)
    }
  }

  #giveSign(client: Redis): void {
    const { connection, clock } = this.#parts
    if (!connection.connected) return
    client.ping().catch(() => {})
    this.#beat = clock.after(SIGN_OF_LIFE, () => this.#giveSign(client))
  }
}
