import { TwqError } from '../errors.ts'
import { BackoffState } from '../runtime/time/backoff.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { deferred } from '../runtime/time/deferred.ts'
import { pause } from '../runtime/time/pause.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import type { Channel, Connection } from './broker.ts'

/** The part of `Channel` that a kept channel needs; `ChannelSet` implements it, too. */
export type Keepable = Pick<Channel, 'isOpen' | 'closed' | typeof Symbol.asyncDispose>

/** A channel that is set up again, by the same code, on every connection and whenever it dies alone. */
export interface Kept<C extends Keepable = Channel> extends AsyncDisposable {
  /** Resolves after the first successful setup; rejects only with an error that trying again can't mend, or when stopped. */
  readonly ready: Promise<void>
  /** Aborts when there will be no more channels, with the reason: it or its session was closed, or trying again can't help. */
  readonly over: AbortSignal
  /** True while the newest channel is open and its setup has completed. */
  readonly up: boolean
  /** The newest channel whose setup completed, while it is open. */
  readonly channel: C | undefined
}

/** False for errors that may pass by themselves: an absent broker or node, a lost connection or channel. All others need an operator. */
export function cannotBeMended(error: unknown): boolean {
  return !TwqError.is(
    error,
    'TWQ_BROKER_UNREACHABLE',
    'TWQ_CONNECTION_LOST',
    'TWQ_CHANNEL_CLOSED',
    'TWQ_CONSUMER_TIMEOUT',
    'TWQ_QUEUE_DOWN',
    'TWQ_QUEUE_LOCKED',
    'TWQ_PUBLISH_REFUSED',
    'TWQ_PUBLISH_TIMEOUT',
  )
}

/** How a kept channel is opened and set up. */
export interface Making<C extends Keepable> {
  readonly open: (connection: Connection) => Promise<C>
  readonly setup: (channel: C, signal: AbortSignal) => Promise<void>
}

/** A channel that no task depends on: after any error it is opened again, with growing pauses and without end. */
export interface Auxiliary {
  /** Hears why it can't be there: once for each reason, until it was there again. */
  readonly onDown: (error: Error) => void
}

/** The parts of a kept channel, and the functions that it calls. */
export interface KeptChannelOptions {
  readonly name: string
  readonly clock: Clock
  readonly random: () => number
  readonly onLost: (error: Error) => void
  /** Hears each reason once, and again after a minute; the next try is in `inMs`. Not called for an auxiliary channel. */
  readonly onSetupFailed: (error: Error, inMs: number) => void
  /** It is set up again after a reason was told. */
  readonly onRestored: () => void
  readonly auxiliary?: Auxiliary | undefined
}

// Milliseconds: each refusal is an error in the broker's log.
const RARELY = 30_000
const TOLD_EVERY = 60_000

/** A channel that a session keeps: opened and set up anew on every connection and whenever it dies alone. */
export class KeptChannel<C extends Keepable> implements Kept<C> {
  readonly #making: Making<C>
  readonly #options: KeptChannelOptions
  readonly #backoff: BackoffState
  readonly #ready = deferred<void>()
  readonly #over = sharedAbort()
  #everUp = false
  /** The reason that was told last, and when, until the channel is up. */
  #told: { readonly reason: string; readonly at: number } | undefined
  #opened: C | undefined
  #channel: C | undefined

  constructor(making: Making<C>, options: KeptChannelOptions) {
    this.#making = making
    this.#options = options
    const { clock, random, auxiliary } = options
    this.#backoff = new BackoffState(clock, random, auxiliary && { longest: RARELY })
    // Where `ready` is not awaited, a rejection must not end the process.
    this.#ready.promise.catch(() => {})
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get up(): boolean {
    return this.channel !== undefined
  }

  get channel(): C | undefined {
    return this.#channel?.isOpen ? this.#channel : undefined
  }

  get over(): AbortSignal {
    return this.#over.signal
  }

  get ended(): boolean {
    return this.#over.signal.aborted
  }

  /** Lives on `connection` until that is over (`gone` aborts) or the kept channel is closed. */
  async serve(connection: Connection, gone: AbortSignal): Promise<void> {
    const over = AbortSignal.any([gone, this.#over.signal])
    while (!over.aborted) {
      const { error, wasUp } = await this.#live(connection)
      if (over.aborted || TwqError.is(error, 'TWQ_CONNECTION_LOST')) return
      const { auxiliary, onLost, clock } = this.#options
      if (auxiliary === undefined && !this.#everUp && cannotBeMended(error)) return this.end(error)
      const inMs = this.#backoff.failed()
      if (wasUp) onLost(error)
      else this.#tell(error, inMs)
      await pause(clock, inMs, over)
    }
  }

  #tell(error: Error, inMs: number): void {
    const { auxiliary, onSetupFailed, clock } = this.#options
    const at = clock.monotonic()
    if (error.message === this.#told?.reason) {
      if (auxiliary !== undefined || at - this.#told.at < TOLD_EVERY) return
    }
    this.#told = { reason: error.message, at }
    if (auxiliary === undefined) onSetupFailed(error, inMs)
    else auxiliary.onDown(error)
  }

  /** No more channels; `ready` rejects with `reason` if there never was one. */
  end(reason: unknown): void {
    this.#over.abort(reason)
    this.#ready.reject(reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end(new TwqError('TWQ_CLOSED', `channel ${this.#options.name} was given up`))
    await this.#opened?.[Symbol.asyncDispose]()
  }

  /** One channel from its opening to its end; resolves with why it ended. */
  async #live(connection: Connection): Promise<{ error: Error; wasUp: boolean }> {
    let wasUp = false
    try {
      await using channel = await this.#making.open(connection)
      this.#opened = channel
      const gone = sharedAbort()
      const lost = channel.closed.then((reason): never => {
        const error = reason.kind === 'lost' ? reason.error : new TwqError('TWQ_CHANNEL_CLOSED', 'it was closed')
        gone.abort(error)
        throw error
      })
      // It was closed while it was being opened: the end of this channel is not awaited elsewhere.
      lost.catch(() => {})
      if (!this.ended) await Promise.race([this.#making.setup(channel, gone.signal), lost])
      if (!this.ended) {
        wasUp = true
        this.#everUp = true
        this.#channel = channel
        this.#backoff.up()
        this.#ready.resolve()
        if (this.#told !== undefined && this.#options.auxiliary === undefined) this.#options.onRestored()
        this.#told = undefined
        await lost
      }
      throw this.#over.signal.reason
    } catch (error) {
      return { error: error as Error, wasUp }
    } finally {
      this.#channel = undefined
      this.#opened = undefined
    }
  }
}
