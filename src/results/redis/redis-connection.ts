import type { Redis } from 'ioredis'
import { TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Service } from '../../runtime/service.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { BackoffState } from '../../runtime/time/backoff.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import type { RedisAddress } from './redis-address.ts'
import { createRedis } from './redis-client.ts'
import { closed, isRefusal, isTurnedDown, isWrongData, loginError, unreachable, wrongData } from './redis-errors.ts'
import { type RedisCommand, type RedisReply, transaction } from './redis-transaction.ts'

/** The address of a connection, its name, and how long calls are retried. */
export interface RedisConnectionOptions {
  readonly address: RedisAddress
  /** The name of the connection on the server. */
  readonly name: string
  /** Milliseconds that a call is retried unless it says otherwise: over lost connections and refusals. */
  readonly patience: number
  readonly clock: Clock
  /** Is told when the connection is lost, and when it is back. */
  readonly logger?: EventLogger | undefined
}

/** Options of one call. */
export interface CallOptions {
  /** Milliseconds that it is retried; 0 to try once, and only if connected. */
  readonly within?: number
}

/**
 * Stays connected to a Redis; `start` loads the client library. A call interrupted by a lost connection, or refused by the
 * server, is retried until its time is over, so it may be executed twice; then it rejects with `TWQ_RESULT_BACKEND`. It rejects
 * at once with `TWQ_RESULT_REFUSED` if the value under the key is the cause.
 */
export class RedisConnection implements Service {
  readonly name: string
  readonly #options: RedisConnectionOptions
  readonly #backoff: BackoffState
  readonly #connectedListeners = new Set<(client: Redis) => void>()
  #client: Redis | undefined
  #starting: Promise<void> | undefined
  #started: Deferred<void> | undefined
  /** Why the last start failed. */
  #failure: Error | undefined
  /** Resolves with the next connection. */
  #next: Deferred<void> = deferred()
  #connected = false
  #lostAt: number | undefined
  #lastError: Error | undefined
  #closed = false

  constructor(options: RedisConnectionOptions) {
    this.name = options.name
    this.#options = options
    this.#backoff = new BackoffState(options.clock, Math.random)
  }

  get connected(): boolean {
    return this.#connected
  }

  /** Why there is no connection, or undefined if there is one. */
  get trouble(): string | undefined {
    if (this.#connected) return undefined
    return maskPasswords(this.#lastError?.message ?? 'not connected yet')
  }

  /**
   * Resolves once connected, however long that takes. Rejects with `TWQ_CONFIG` without the client library, and with
   * `TWQ_RESULT_BACKEND_LOGIN` if the server refuses this user. A second call joins the first.
   */
  start(): Promise<void> {
    if (this.#closed) return Promise.reject(closed())
    this.#starting ??= this.#connect().catch((error: Error) => {
      this.#starting = undefined
      this.#failure = error
      this.#abandon()
      this.#next.resolve()
      this.#next = deferred()
      throw error
    })
    return this.#starting
  }

  /** Waits for calls in progress, within the deadline; calls that wait for a connection are rejected. */
  async stop({ deadline }: { readonly deadline: AbortSignal }): Promise<void> {
    this.#closed = true
    const client = this.#client
    if (client !== undefined && this.#connected && !deadline.aborted) {
      const cut = (): void => client.disconnect()
      deadline.addEventListener('abort', cut, { once: true })
      await client.quit().catch(() => {})
      deadline.removeEventListener('abort', cut)
    }
    this.#abandon()
    this.#started?.reject(closed())
    this.#next.resolve()
  }

  /**
   * Calls `listener` with each connection from now on, before any other call may use it; returns a function that removes the
   * listener.
   */
  onConnected(listener: (client: Redis) => void): () => void {
    this.#connectedListeners.add(listener)
    return () => this.#connectedListeners.delete(listener)
  }

  get(key: string, options?: CallOptions): Promise<string | null> {
    return this.call((client) => client.get(key), options)
  }

  mget(keys: readonly string[], options?: CallOptions): Promise<(string | null)[]> {
    return this.call((client) => client.mget([...keys]), options)
  }

  /** Executes all of the commands, or none, in one transaction; resolves with their replies. */
  multi(commands: readonly RedisCommand[], options?: CallOptions): Promise<readonly RedisReply[]> {
    return this.call((client) => transaction(client, commands), options)
  }

  /** Any use of the client that may be repeated as a whole. The first call starts the connection if necessary. */
  async call<T>(use: (client: Redis) => Promise<T>, { within }: CallOptions = {}): Promise<T> {
    const { clock, patience } = this.#options
    const due = clock.monotonic() + (within ?? patience)
    const backoff = new BackoffState(clock, Math.random)
    for (;;) {
      if (this.#starting === undefined) this.start().catch(() => {})
      const client = this.#connected ? this.#client : await this.#nextClient(due)
      if (client === undefined && this.#failure !== undefined) throw this.#failure
      if (client === undefined) throw unreachable(within ?? patience, this.#lastError)
      try {
        return await use(client)
      } catch (error) {
        if (this.#closed) throw closed()
        // A programming error in the call is not a refusal by the server.
        if (TwqError.is(error) || error instanceof TypeError) throw error
        if (isWrongData(error)) throw wrongData(error)
        // The client's own error about a lost connection says less than the connection's last error.
        if (isRefusal(error)) this.#lastError = error
        const pause = backoff.failed()
        if (clock.monotonic() + pause >= due) throw unreachable(within ?? patience, this.#lastError)
        if (this.#connected) await new Promise<void>((resolve) => clock.after(pause, resolve))
      }
    }
  }

  /** The client once it is connected, or undefined at `due`. */
  async #nextClient(due: number): Promise<Redis | undefined> {
    if (this.#closed) throw closed()
    const { clock } = this.#options
    const late = deferred<void>()
    const timer = clock.after(Math.max(0, due - clock.monotonic()), late.resolve)
    try {
      await Promise.race([this.#next.promise, late.promise])
    } finally {
      timer.cancel()
    }
    if (this.#closed) throw closed()
    return this.#connected ? this.#client : undefined
  }

  async #connect(): Promise<void> {
    const { address, name } = this.#options
    this.#failure = undefined
    const client = await createRedis(address, name, () => this.#backoff.failed())
    if (this.#closed) throw closed()
    const started = deferred<void>()
    this.#started = started
    this.#client = client
    client.on('ready', () => {
      this.#onReady(client)
      started.resolve()
    })
    client.on('error', (error: Error) => {
      this.#lastError = error
      if (isTurnedDown(error)) started.reject(loginError(error))
      // The library would continue in database 0.
      if (error.message.includes('DB index')) client.disconnect(true)
      if (!this.#connected) this.#onLost(client)
    })
    client.on('close', () => this.#onLost(client))
    client.connect().catch(() => {})
    await started.promise
  }

  #onReady(client: Redis): void {
    const { logger, clock } = this.#options
    if (client !== this.#client) return
    this.#backoff.up()
    this.#connected = true
    this.#lastError = undefined
    if (this.#lostAt === undefined) logger?.debug({ event: 'results.connected' }, 'connected to the result backend')
    else {
      const downtime = Math.round(clock.monotonic() - this.#lostAt)
      logger?.info({ event: 'results.back', downtime_ms: downtime }, 'the result backend is back')
    }
    this.#lostAt = undefined
    for (const listener of this.#connectedListeners) listener(client)
    this.#next.resolve()
  }

  #onLost(client: Redis): void {
    if (client !== this.#client || this.#closed) return
    if (this.#connected) this.#next = deferred()
    this.#connected = false
    if (this.#lostAt !== undefined) return
    this.#lostAt = this.#options.clock.monotonic()
    this.#options.logger?.warn(
      { event: 'results.lost', error: maskPasswords(this.#lastError?.message ?? 'the connection was closed') },
      'no connection to the result backend; trying again',
    )
  }

  #abandon(): void {
    this.#connected = false
    this.#client?.disconnect()
    this.#client = undefined
  }
}
