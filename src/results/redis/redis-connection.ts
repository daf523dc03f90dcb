import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Redis, RedisOptions } from 'ioredis'
import { messageOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Service } from '../../runtime/service.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { BackoffState } from '../../runtime/time/backoff.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import type { RedisAddress, RedisTls } from './redis-address.ts'

/** A command by its name, with its arguments. */
export type RedisCommand = readonly [name: string, ...args: (string | number)[]]

/** What a command answers. */
export type RedisReply = string | number | null | readonly RedisReply[]

/** What a connection is made of. */
export interface RedisConnectionOptions {
  readonly address: RedisAddress
  /** Names the connection on the server. */
  readonly name: string
  /** Milliseconds that a call is tried for, unless it says otherwise: over lost connections, and over refusals. */
  readonly patience: number
  readonly clock: Clock
  /** Hears of the connection lost, and of its return. */
  readonly logger?: EventLogger | undefined
}

/** How one call differs from the others. */
export interface CallOptions {
  /** Milliseconds that it is tried for; 0 for once, if there is a connection. */
  readonly within?: number
}

// A server that takes commands and answers none for this long is given up, in milliseconds.
const SILENCE = 10_000
const CONNECT_TIMEOUT = 10_000

/**
 * Stays connected to a Redis, whose client library is loaded by `start`. A call that a lost connection cuts off, or that
 * the server refuses, is tried again until its time is over, so it may be carried out twice; then it rejects with
 * `TWQ_RESULT_BACKEND`. It rejects at once with `TWQ_RESULT_REFUSED` where what is kept under the key is at fault.
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

  /** Why there is no connection, or undefined while there is one. */
  get trouble(): string | undefined {
    if (this.#connected) return undefined
    return maskPasswords(this.#lastError?.message ?? 'not connected yet')
  }

  /**
   * Resolves once connected, however long that takes. Rejects with `TWQ_CONFIG` without the client library, and with
   * `TWQ_RESULT_BACKEND_LOGIN` when the server turns this user down. The second call joins the first.
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

  /** Waits for what is under way, within the deadline; what waits for a connection is given up. */
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

  /** Calls `listener` with each connection from now on, before anybody else may use it; returns how to stop that. */
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

  /** All of the commands, or none, in one transaction; answers with their replies. */
  multi(commands: readonly RedisCommand[], options?: CallOptions): Promise<readonly RedisReply[]> {
    return this.call((client) => transaction(client, commands), options)
  }

  /** Any use of the client that may be repeated as a whole. The first call starts the connection, if nobody did. */
  async call<T>(use: (client: Redis) => Promise<T>, { within }: CallOptions = {}): Promise<T> {
    const { clock, patience } = this.#options
    const due = clock.monotonic() + (within ?? patience)
    const backoff = new BackoffState(clock, Math.random)
    for (;;) {
      if (this.#starting === undefined) this.start().catch(() => {})
      const client = this.#connected ? this.#client : await this.#nextClient(due)
      if (client === undefined && this.#failure !== undefined) throw this.#failure
      if (client === undefined) throw this.#unreachable(within ?? patience)
      try {
        return await use(client)
      } catch (error) {
        if (this.#closed) throw closed()
        // A mistake in the call is nobody's refusal.
        if (TwqError.is(error) || error instanceof TypeError) throw error
        if (isWrongData(error)) throw wrongData(error)
        // The client's own complaint about a lost connection says less than what was heard of it.
        if (isRefusal(error)) this.#lastError = error
        const pause = backoff.failed()
        if (clock.monotonic() + pause >= due) throw this.#unreachable(within ?? patience)
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
    const Client = await load()
    const tls = address.tls === undefined ? undefined : await tlsOptions(address.tls)
    if (this.#closed) throw closed()
    const started = deferred<void>()
    this.#started = started
    const client = new Client({
      ...placeOptions(address, tls, () => this.#backoff.failed()),
      db: address.database,
      ...(address.password !== undefined && { username: address.user, password: address.password }),
      connectionName: name.replace(/[^!-~]/g, '-'),
      disableClientInfo: true,
      connectTimeout: CONNECT_TIMEOUT,
      socketTimeout: SILENCE,
      // Calls are repeated here, as a whole: the library must neither keep nor repeat their commands.
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => this.#backoff.failed(),
      // A server that was the master until now: the next connection finds the new one.
      reconnectOnError: ({ message }) => message.startsWith('READONLY'),
      protocol: 2,
    })
    this.#client = client
    client.on('ready', () => {
      this.#onReady(client)
      started.resolve()
    })
    client.on('error', (error: Error) => {
      this.#lastError = error
      if (isTurnedDown(error)) started.reject(loginError(error))
      // The library would go on in database 0.
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

  #unreachable(within: number): TwqError {
    if (isRefusal(this.#lastError) && !PASSING.test(this.#lastError.message)) return wrongData(this.#lastError)
    const why = this.#lastError === undefined ? '' : `: ${maskPasswords(messageOf(this.#lastError))}`
    return new TwqError('TWQ_RESULT_BACKEND', `the result backend did not take a command within ${within} ms${why}`, {
      hint: 'Is the Redis of resultBackend there, and does it take writes?',
      cause: this.#lastError,
    })
  }
}

async function load(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis
  } catch (cause) {
    throw missing(cause)
  }
}

/** Throws `TWQ_CONFIG` where the package that speaks to a Redis is not installed: sooner than the first connection would. */
export function requireIoredis(): void {
  try {
    createRequire(import.meta.url).resolve('ioredis')
  } catch (cause) {
    throw missing(cause)
  }
}

function missing(cause: unknown): TwqError {
  return new TwqError('TWQ_CONFIG', 'results in Redis need the package ioredis, which is not installed', {
    hint: 'npm install ioredis',
    cause,
  })
}

type Tls = NonNullable<RedisOptions['tls']>
type Place = Pick<
  RedisOptions,
  'host' | 'port' | 'tls' | 'path' | 'sentinels' | 'name' | 'sentinelPassword' | 'sentinelRetryStrategy'
>

function placeOptions({ at, sentinelPassword }: RedisAddress, tls: Tls | undefined, retry: () => number): Place {
  switch (at.kind) {
    case 'server':
      return { host: at.host, port: at.port, ...(tls && { tls }) }
    case 'socket':
      return { path: at.path }
    case 'sentinels':
      return {
        sentinels: [...at.sentinels],
        name: at.master,
        ...(sentinelPassword !== undefined && { sentinelPassword }),
        sentinelRetryStrategy: retry,
      }
  }
}

async function tlsOptions({ verified, checksName, caFile, certFile, keyFile }: RedisTls): Promise<Tls> {
  const [ca, cert, key] = await Promise.all([caFile, certFile, keyFile].map(readPem))
  return {
    rejectUnauthorized: verified,
    ...(!checksName && { checkServerIdentity: () => undefined }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  }
}

async function readPem(file: string | undefined): Promise<Buffer | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file)
  } catch (cause) {
    throw new TwqError('TWQ_CONFIG', `the result backend's file ${file} can't be read`, { cause })
  }
}

/** All of the commands, or none; rejects with the first error among their replies. */
export async function transaction(client: Redis, commands: readonly RedisCommand[]): Promise<readonly RedisReply[]> {
  const batch = client.multi()
  for (const [name, ...args] of commands) batch.call(name, ...args)
  const replies = await batch.exec()
  return (replies ?? []).map(([error, reply]) => {
    if (error !== null) throw error
    return reply as RedisReply
  })
}

function isRefusal(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

// The value that is kept, or the one that is given, is at fault: the server answers the same however often it is asked.
const WRONG_DATA = /\bWRONGTYPE\b|^ERR (value is|hash value|min or max|string exceeds|increment or decrement)/

// What a server says that will take the same command later, of memory or of its part in a cluster.
const PASSING =
  /^(LOADING|MASTERDOWN|READONLY|OOM|BUSY|MISCONF|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|NOREPLICAS|NOPERM|NOAUTH|WRONGPASS|EXECABORT|ERR max)/

function isWrongData(error: unknown): error is Error {
  return isRefusal(error) && WRONG_DATA.test(error.message)
}

function wrongData(cause: Error): TwqError {
  return new TwqError(
    'TWQ_RESULT_REFUSED',
    `the result backend can't take a command: ${maskPasswords(cause.message)}`,
    {
      hint: 'Does another program write to these keys? Give each a database or a resultKeyPrefix of its own.',
      cause,
    },
  )
}

const TURNED_DOWN = /^(WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR DB index|ERR AUTH)/
const TLS_CODES = /^(CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|ERR_TLS_)/

/** What trying again can't mend: the login, the database, the certificate. */
function isTurnedDown(error: Error): boolean {
  const { code } = error as { code?: unknown }
  return TURNED_DOWN.test(error.message) || (typeof code === 'string' && TLS_CODES.test(code))
}

function loginError(cause: Error): TwqError {
  return new TwqError('TWQ_RESULT_BACKEND_LOGIN', `the result backend turns us down: ${maskPasswords(cause.message)}`, {
    hint: 'Check the user, the password, the database and the certificates of resultBackend',
    cause,
  })
}

function closed(): TwqError {
  return new TwqError('TWQ_CLOSED', 'the connection to the result backend was closed')
}
