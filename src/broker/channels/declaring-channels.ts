import { TwqError } from '../../errors.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Broker, Channel, Connection } from '../broker.ts'
import { connectionRefusal } from '../failures.ts'
import { answeringInTime, inTime } from '../in-time.ts'
import type { Session } from '../session.ts'

/** The broker, the name and the session of `DeclaringChannels`. */
export interface DeclaringOptions {
  readonly broker: Broker
  /** Names the connections on the broker. */
  readonly name: string
  /** Lends the channels where the broker allows no further connection. */
  readonly session: Pick<Session, 'withChannel'>
  readonly clock: Clock
}

// Milliseconds: declarations come in groups.
const LINGER = 1_000

/** A connection, and how many questions are under way on it. */
interface Shared {
  readonly connection: Connection
  users: number
  timer: Timer | undefined
}

/**
 * Lends channels for declarations on a connection apart from the one that consumes. RabbitMQ 4 is silent for a minute about
 * a classic queue whose node is away, and closes the whole connection (541) over what it has disabled or can't write while
 * it has no majority: none of that may cost a consumer its connection. An answer that does not come in time is
 * `TWQ_QUEUE_DOWN`. Where the connection was closed, each question that was under way is asked once more, alone, so that
 * only the one that the broker means is refused.
 */
export class DeclaringChannels implements Pick<Session, 'withChannel'>, AsyncDisposable {
  readonly #options: DeclaringOptions
  readonly #fallback: Pick<Session, 'withChannel'>
  #shared: Promise<Shared> | undefined
  /** What that has resolved with. */
  #open: Shared | undefined
  #closed = false

  constructor(options: DeclaringOptions) {
    this.#options = options
    this.#fallback = answeringInTime(options.session, options.clock)
  }

  /** As `Session.withChannel`, but rejects with `TWQ_QUEUE_DOWN` where the broker does not answer in time. */
  async withChannel<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const shared = await this.#share()
    if (shared === undefined) return await this.#fallback.withChannel(use)
    try {
      return await this.#on(shared, use)
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_CONNECTION_LOST')) throw error
      return await this.alone(use)
    } finally {
      this.#left(shared)
    }
  }

  /**
   * Resolves when the node that consumes has such a queue and answers for it: the one that declared it may be another, of
   * which it learns a moment later. Rejects with `TWQ_QUEUE_DOWN` where it does not yet.
   */
  async arrived(queue: string): Promise<void> {
    try {
      await this.#fallback.withChannel((channel) => channel.inspectQueue(queue))
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_MISSING')) throw error
      throw new TwqError('TWQ_QUEUE_DOWN', `queue "${queue}" is not known to this node yet`, { cause: error })
    }
  }

  /** The same on a connection that nothing else uses. */
  async alone<T>(use: (channel: Channel) => Promise<T>): Promise<T> {
    const connection = await this.#connect()
    if (connection === undefined) return await this.#fallback.withChannel(use)
    try {
      return await this.#on({ connection }, use)
    } catch (error) {
      throw connectionRefusal(error) ?? error
    } finally {
      void connection[Symbol.asyncDispose]()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    const shared = await this.#shared?.catch(() => undefined)
    if (shared !== undefined) this.#retire(shared)
  }

  async #on<T>({ connection }: Pick<Shared, 'connection'>, use: (channel: Channel) => Promise<T>): Promise<T> {
    const channel = await connection.openChannel()
    try {
      return await inTime(use(channel), this.#options.clock)
    } finally {
      // One that waits for its answer is not closed before that has come.
      void channel[Symbol.asyncDispose]()
    }
  }

  async #share(): Promise<Shared | undefined> {
    this.#shared ??= this.#connect().then((connection) => {
      if (connection === undefined) throw new Error('no connection')
      const shared: Shared = { connection, users: 0, timer: undefined }
      this.#open = shared
      void connection.closed.then(() => this.#retire(shared))
      return shared
    })
    const opening = this.#shared
    const shared = await opening.catch(() => undefined)
    if (shared === undefined) {
      if (this.#shared === opening) this.#shared = undefined
      return undefined
    }
    shared.users += 1
    shared.timer?.cancel()
    return shared
  }

  /** Undefined where a connection can't be opened, for any reason: the session's own connection meets the same error and reports it. */
  async #connect(): Promise<Connection | undefined> {
    const { broker, name } = this.#options
    return this.#closed ? undefined : await broker.connect({ name }).catch(() => undefined)
  }

  #left(shared: Shared): void {
    shared.users -= 1
    if (shared.users > 0) return
    if (this.#closed) this.#retire(shared)
    else shared.timer = this.#options.clock.after(LINGER, () => this.#retire(shared))
  }

  /** Nothing more is asked on it. One that was closed is retired again once its last user has left: there may be another by then. */
  #retire(shared: Shared): void {
    if (this.#open === shared) {
      this.#open = undefined
      this.#shared = undefined
    }
    shared.timer?.cancel()
    void shared.connection[Symbol.asyncDispose]()
  }
}
