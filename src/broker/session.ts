import { messageOf, TwqError } from '../errors.ts'
import type { Service } from '../runtime/service.ts'
import { BackoffState } from '../runtime/time/backoff.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { deferred } from '../runtime/time/deferred.ts'
import { pause } from '../runtime/time/pause.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { unlessAborted } from '../runtime/time/time-limit.ts'
import type { Broker, Channel, CloseReason, Connection, ServerInfo } from './broker.ts'
import { type Auxiliary, cannotBeMended, type Keepable, type Kept, KeptChannel, type Making } from './kept-channel.ts'
import { LiveConnection, type Serving } from './live-connection.ts'

export type { Auxiliary, Kept } from './kept-channel.ts'

/** An event of a session. */
export type SessionEvent =
  | { readonly kind: 'connected'; readonly server: ServerInfo; readonly attempts: number; readonly downtimeMs: number }
  | { readonly kind: 'lost'; readonly error: Error }
  | { readonly kind: 'retrying'; readonly error: Error; readonly attempt: number; readonly inMs: number }
  /** Once for each reason, and again after a minute of it. */
  | { readonly kind: 'setup-failed'; readonly name: string; readonly error: Error; readonly inMs: number }
  | { readonly kind: 'channel-restored'; readonly name: string }
  | { readonly kind: 'channel-lost'; readonly name: string; readonly error: Error }
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'unblocked' }
  /** A defect of ours ended it after it had started: there is no connection any more, and there will be none. */
  | { readonly kind: 'failed'; readonly error: Error }

/** Stays connected: one connection at a time, replaced when it dies, with every kept channel set up again. */
export interface Session extends Service {
  readonly connected: boolean
  readonly connection: Connection | undefined
  /** Why there is no connection: the last loss, or the last try that failed. Undefined while there is one. */
  readonly trouble: Error | undefined
  /** Calls `setup` with a new channel on the first connect and on the hundredth; `signal` aborts when that channel is gone. */
  keep(
    name: string,
    setup: (channel: Channel, signal: AbortSignal) => Promise<void>,
    auxiliary?: Auxiliary | undefined,
  ): Kept
  /** The same for what takes more than `openChannel` to open. */
  keepOpened<C extends Keepable>(name: string, making: Making<C>, auxiliary?: Auxiliary | undefined): Kept<C>
  /** Lends a channel of its own, closed afterwards. Waits for a connection until `signal` aborts. */
  withChannel<T>(use: (channel: Channel) => Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T>
  /** Hears every event; returns how to stop listening. */
  listen(listener: (event: SessionEvent) => void): () => void
}

/** The parts that a session is made of. */
export interface SessionOptions {
  readonly broker: Broker
  /** Names the session in errors and on the broker. */
  readonly name: string
  readonly clock: Clock
  readonly random: () => number
  /** Milliseconds after which `start()` gives up on a broker that can't be reached; without it, it never does. */
  readonly giveUpAfter?: number
  /** Makes `start()` give up, with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * A session on `broker`. `start()` resolves on the first connection; it tries for as long as it may, and rejects at once
 * with an error that a retry can't fix (`TWQ_BROKER_AUTH`, `TWQ_BROKER_VHOST`, `TWQ_BROKER_TLS`). After any later loss
 * it reconnects, without end. `stop()` waits for what was written to arrive, within its deadline. An error that ends the session
 * itself is emitted as `failed`.
 */
export function createSession(options: SessionOptions): Session {
  return new StandingSession(options)
}

class StandingSession implements Session {
  readonly name: string
  readonly #options: SessionOptions
  readonly #backoff: BackoffState
  readonly #kept = new Set<Serving>()
  readonly #listeners = new Set<(event: SessionEvent) => void>()
  /** Aborts when the session is over, with the reason. */
  readonly #over = sharedAbort()
  /** Resolves with the next connection. */
  #next = deferred<LiveConnection>()
  #link: LiveConnection | undefined
  #trouble: Error | undefined
  #running: Promise<void> | undefined

  constructor(options: SessionOptions) {
    this.name = options.name
    this.#options = options
    this.#backoff = new BackoffState(options.clock, options.random)
  }

  get connected(): boolean {
    return this.#link !== undefined
  }

  get connection(): Connection | undefined {
    return this.#link?.connection
  }

  get trouble(): Error | undefined {
    return this.#trouble
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) throw new TwqError('TWQ_INTERNAL', `session ${this.name} was started twice`)
    const started = deferred<void>()
    let isUp = false
    const onFirst = (): void => {
      isUp = true
      started.resolve()
    }
    this.#running = this.#run(onFirst).catch((error) => {
      const wanted = this.#over.signal.aborted
      this.#finish(error)
      started.reject(error)
      if (isUp && !wanted) this.#emit({ kind: 'failed', error: defect(this.name, error) })
    })
    await started.promise
  }

  async stop({ deadline }: { readonly deadline: AbortSignal }): Promise<void> {
    const link = this.#link
    this.#finish(
      new TwqError('TWQ_CLOSED', `the connection "${this.name}" was closed`, {
        hint: 'This program closed it, by close() of a client or stop() of a worker, and it is not opened again: create another client or worker.',
      }),
    )
    if (link !== undefined) {
      const cut = (): void => link.connection.destroy(new Error('no time was left to close it'))
      deadline.addEventListener('abort', cut)
      if (deadline.aborted) cut()
      await link.connection[Symbol.asyncDispose]()
      deadline.removeEventListener('abort', cut)
    }
    await this.#running
  }

  keep(
    name: string,
    setup: (channel: Channel, signal: AbortSignal) => Promise<void>,
    auxiliary?: Auxiliary | undefined,
  ): Kept {
    return this.keepOpened(name, { open: (connection) => connection.openChannel(), setup }, auxiliary)
  }

  keepOpened<C extends Keepable>(name: string, making: Making<C>, auxiliary?: Auxiliary | undefined): Kept<C> {
    const kept = new KeptChannel(making, {
      name,
      clock: this.#options.clock,
      random: this.#options.random,
      onLost: (error) => this.#emit({ kind: 'channel-lost', name, error }),
      onSetupFailed: (error, inMs) => this.#emit({ kind: 'setup-failed', name, error, inMs }),
      onRestored: () => this.#emit({ kind: 'channel-restored', name }),
      auxiliary,
    })
    for (const other of this.#kept) if (other.ended) this.#kept.delete(other)
    this.#kept.add(kept)
    if (this.#over.signal.aborted) kept.end(this.#over.signal.reason)
    else if (this.#link !== undefined) this.#link.serve(kept)
    return kept
  }

  async withChannel<T>(
    use: (channel: Channel) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const channel = await this.#openChannel(signal)
    try {
      return await use(channel)
    } finally {
      await channel[Symbol.asyncDispose]()
    }
  }

  listen(listener: (event: SessionEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #run(onFirst: () => void): Promise<void> {
    let lost: number | undefined
    while (!this.#over.signal.aborted) {
      const connection = await this.#connect(lost === undefined)
      if (connection === undefined) break
      const reason = await this.#serve(connection, lost, onFirst)
      lost = this.#options.clock.monotonic()
      if (this.#over.signal.aborted) break
      const error = reason.kind === 'lost' ? reason.error : new TwqError('TWQ_CONNECTION_LOST', 'it was closed')
      this.#trouble = error
      this.#emit({ kind: 'lost', error })
      await this.#backOff(error)
    }
    // Stopped before it ever connected.
    this.#over.signal.throwIfAborted()
  }

  /** Serves one connection until it is over. An error here ends the connection: left open, it could hold messages unacknowledged. */
  async #serve(connection: Connection, lost: number | undefined, onFirst: () => void): Promise<CloseReason> {
    try {
      this.#backoff.up()
      this.#trouble = undefined
      this.#emit({
        kind: 'connected',
        server: connection.server,
        attempts: this.#backoff.failures + 1,
        downtimeMs: lost === undefined ? 0 : Math.round(this.#options.clock.monotonic() - lost),
      })
      onFirst()
      return await this.#live(connection)
    } catch (error) {
      this.#link = undefined
      connection.destroy(error as Error)
      throw error
    }
  }

  /** Tries until there is a connection; undefined when the session was stopped meanwhile. */
  async #connect(first: boolean): Promise<Connection | undefined> {
    const { broker, name, giveUpAfter = Number.POSITIVE_INFINITY, signal } = this.#options
    const over = first && signal !== undefined ? AbortSignal.any([this.#over.signal, signal]) : this.#over.signal
    while (!over.aborted) {
      try {
        const connection = await broker.connect({ name, signal: over })
        if (!this.#over.signal.aborted) return connection
        await connection[Symbol.asyncDispose]()
      } catch (error) {
        if (over.aborted) break
        const hopeless = cannotBeMended(error) || this.#backoff.elapsed >= giveUpAfter
        if (first && hopeless) throw error
        await this.#backOff(error as Error, over)
      }
    }
    if (first) over.throwIfAborted()
    return undefined
  }

  async #live(connection: Connection): Promise<CloseReason> {
    const link = new LiveConnection(connection)
    connection.onBlocked((reason) =>
      this.#emit(reason === undefined ? { kind: 'unblocked' } : { kind: 'blocked', reason }),
    )
    this.#link = link
    this.#next.resolve(link)
    for (const kept of this.#kept) link.serve(kept)
    const reason = await connection.closed
    this.#link = undefined
    this.#next = deferred()
    await link.end()
    return reason
  }

  async #backOff(error: Error, over = this.#over.signal): Promise<void> {
    const inMs = this.#backoff.failed()
    this.#trouble = error
    this.#emit({ kind: 'retrying', error, attempt: this.#backoff.failures, inMs })
    // The clock's timers keep no process alive, and without a connection there may be nothing else that does.
    const alive = setInterval(() => {}, LONG)
    await pause(this.#options.clock, inMs, over)
    clearInterval(alive)
  }

  async #openChannel(signal: AbortSignal | undefined): Promise<Channel> {
    const over = signal === undefined ? this.#over.signal : AbortSignal.any([this.#over.signal, signal])
    for (;;) {
      const link = this.#link ?? (await unlessAborted(this.#next.promise, over))
      over.throwIfAborted()
      try {
        return await link.connection.openChannel()
      } catch (error) {
        if (!TwqError.is(error, 'TWQ_CONNECTION_LOST')) throw error
        // `#live` has awaited `closed` for longer, so it takes the connection away before this goes on.
        await link.connection.closed
      }
    }
  }

  #finish(reason: unknown): void {
    if (this.#over.signal.aborted) return
    this.#over.abort(reason)
    for (const kept of this.#kept) kept.end(reason)
  }

  #emit(event: SessionEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event)
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : new Error(messageOf(error)))
      }
    }
  }
}

const LONG = 2 ** 30

function defect(name: string, cause: unknown): TwqError {
  return new TwqError('TWQ_INTERNAL', `session ${name} can't go on: ${messageOf(cause)}`, { cause })
}
