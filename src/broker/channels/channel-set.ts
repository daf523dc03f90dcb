import { deferred } from '../../runtime/time/deferred.ts'
import type { Channel, CloseReason, Connection, Delivery, QueueStatus, Subscription } from '../broker.ts'

// RabbitMQ allows 2047 on a connection; there are others on it.
const MOST_CHANNELS = 128

/**
 * Channels that live and die together: the newest consumes, and those before it stay for what they delivered, until that
 * is settled. RabbitMQ walks over everything older that is unacknowledged on a channel whenever it takes an
 * acknowledgement there, so what waits for long should not wait beside what is acknowledged soon.
 */
export class ChannelSet implements AsyncDisposable {
  /** Resolves, never rejects, when the first of them is over without having been done with. */
  readonly closed: Promise<CloseReason>
  readonly #closed = deferred<CloseReason>()
  readonly #connection: Connection
  #channels: Channel[] = []
  #over = false

  private constructor(connection: Connection) {
    this.#connection = connection
    this.closed = this.#closed.promise
  }

  /** A row of one. */
  static async open(connection: Connection): Promise<ChannelSet> {
    const row = new ChannelSet(connection)
    row.#add(await connection.openChannel())
    return row
  }

  get isOpen(): boolean {
    return !this.#over
  }

  /** How many there are: the one that consumes, and those with a consumer or with deliveries that are not settled. */
  get length(): number {
    return this.#channels.length
  }

  /**
   * Opens a channel for every request from now on. Consumers that run go on where they are. False when there are too
   * many already, or it is over. Rejects like `Connection.openChannel`.
   */
  async advance(): Promise<boolean> {
    this.#closeSettled()
    if (this.#over || this.#channels.length >= MOST_CHANNELS) return false
    const channel = await this.#connection.openChannel()
    if (!this.#over) this.#add(channel)
    else await channel[Symbol.asyncDispose]()
    return !this.#over
  }

  /** On the newest channel: what `Channel.prefetch` does. */
  prefetch(count: number, scope: 'channel' | 'consumer'): Promise<void> {
    return this.#newest.prefetch(count, scope)
  }

  /** On the newest channel: what `Channel.consume` does. */
  consume(
    queue: string,
    onDelivery: (delivery: Delivery) => void,
    options?: Parameters<Channel['consume']>[2],
  ): Promise<Subscription> {
    return this.#newest.consume(queue, onDelivery, options)
  }

  /** Resolves when the broker has answered on every channel. */
  async ping(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.ping()))
  }

  /** Asks on every channel, so that the answer comes after all deliveries and acknowledgements of before. */
  async inspectQueue(name: string): Promise<QueueStatus> {
    const answers = await Promise.all(this.#channels.map((channel) => channel.inspectQueue(name)))
    return answers.at(-1) as QueueStatus
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel[Symbol.asyncDispose]()))
  }

  get #newest(): Channel {
    return this.#channels.at(-1) as Channel
  }

  #add(channel: Channel): void {
    this.#channels.push(channel)
    void channel.closed.then((reason) => {
      if (!this.#channels.includes(channel) || this.#over) return
      this.#over = true
      // The older ones first: when `closed` resolves, no delivery of the set is alive.
      for (const other of this.#channels) void other[Symbol.asyncDispose]()
      this.#closed.resolve(reason)
    })
  }

  /** The newest is not among them: it consumes. */
  #closeSettled(): void {
    const newest = this.#newest
    const settled = this.#channels.filter((channel) => channel !== newest && channel.idle)
    this.#channels = this.#channels.filter((channel) => !settled.includes(channel))
    for (const channel of settled) void channel[Symbol.asyncDispose]()
  }
}
