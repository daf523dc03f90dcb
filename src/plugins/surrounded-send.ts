import { messageOf, TwqError } from '../errors.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import { onAbort } from '../runtime/time/on-abort.ts'
import type { Sent } from '../tasks/plugin.ts'
import { type Hook, runChain } from './chain.ts'
import type { FailureLog } from './failure-log.ts'

/** One send, and the hooks around it. */
export interface SurroundedSendParts<Result> {
  readonly hooks: readonly Hook<Sent>[]
  /** Resolves once the broker has confirmed it. */
  readonly send: () => Promise<Result>
  /** What hooks get as the result of the send. */
  readonly sent: () => Sent
  /** For errors: `math.add[id]`. */
  readonly name: string
  readonly publishTimeout: number
  readonly clock: Clock
  readonly failures: FailureLog | undefined
  /** Aborts the send. */
  readonly signal: AbortSignal | undefined
}

/** The outcome of the message itself, whatever the hooks do with it. */
type Fate<Result> =
  | { readonly kind: 'unsent' }
  | { readonly kind: 'confirmed'; readonly result: Result }
  | { readonly kind: 'failed'; readonly error: unknown }

/**
 * Sends once, with hooks around it. The hooks may take `publishTimeout` before the message is sent, and again after it; the send
 * has its own limits. Made for one call of `ofCaller` or `ofWorker`.
 */
export class SurroundedSend<Result> {
  readonly #parts: SurroundedSendParts<Result>
  #fate: Fate<Result> = { kind: 'unsent' }
  /** The plugin whose code runs now. */
  #plugin = ''
  /** The innermost plugin that ended with its own error or result. */
  #first: string | undefined
  #timer: Timer | undefined
  #over = false
  readonly #late: Deferred<never> = deferred()

  constructor(parts: SurroundedSendParts<Result>) {
    this.#parts = parts
  }

  /** Resolves with the result of the send. Rejects with what a hook or the send throws, and with `TWQ_PLUGIN`. */
  async ofCaller(): Promise<Result> {
    // Keeps the process alive while the caller waits.
    const keepAlive = setInterval(() => {}, 60_000)
    try {
      await this.#run()
    } finally {
      clearInterval(keepAlive)
    }
    return this.#result()
  }

  /**
   * Resolves once the message is confirmed, even if a hook fails after that. Rejects with the send's own error, or with
   * `TWQ_PLUGIN`.
   */
  async ofWorker(): Promise<void> {
    const { failures, name } = this.#parts
    try {
      await this.#run()
      this.#result()
    } catch (error) {
      const fate = this.#fate
      if (fate.kind === 'failed') throw fate.error
      failures?.tell(this.#culprit, 'aroundSend', error)
      if (fate.kind === 'confirmed') return
      if (TwqError.is(error, 'TWQ_PLUGIN')) throw error
      throw new TwqError('TWQ_PLUGIN', `plugin '${this.#culprit}' failed ${name}: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }

  /** The plugin in which the error occurred, not those around it that passed it on. */
  get #culprit(): string {
    return this.#first ?? this.#plugin
  }

  async #run(): Promise<void> {
    const { hooks, signal } = this.#parts
    this.#late.promise.catch(() => {})
    const stop = signal && onAbort(signal, () => this.#late.reject(signal.reason))
    try {
      const chain = runChain(hooks, () => this.#send(), {
        entered: (plugin) => this.#entered(plugin),
        ended: (plugin) => {
          this.#first ??= plugin
        },
      })
      await Promise.race([chain, this.#late.promise])
    } finally {
      this.#over = true
      this.#timer?.cancel()
      stop?.()
    }
  }

  async #send(): Promise<Sent> {
    const { name, send, sent } = this.#parts
    if (this.#over) throw new TwqError('TWQ_PLUGIN', `${name} is not sent: its time is over`)
    try {
      this.#fate = { kind: 'confirmed', result: await send() }
    } catch (error) {
      this.#fate = { kind: 'failed', error }
      throw error
    }
    return sent()
  }

  #entered(plugin: string | undefined): void {
    this.#timer?.cancel()
    if (plugin === undefined || this.#over) return
    this.#plugin = plugin
    const { clock, publishTimeout } = this.#parts
    this.#timer = clock.after(publishTimeout, () => this.#late.reject(this.#tooLate()))
  }

  #tooLate(): TwqError {
    const { name, publishTimeout } = this.#parts
    const hint = this.#fate.kind === 'confirmed' ? 'It was sent' : 'It was not sent'
    return new TwqError(
      'TWQ_PLUGIN',
      `plugin '${this.#plugin}' took longer for ${name} than publishTimeout, ${publishTimeout} ms`,
      { hint },
    )
  }

  /** A hook that swallows a failure has still not sent anything. */
  #result(): Result {
    const { name } = this.#parts
    switch (this.#fate.kind) {
      case 'confirmed':
        return this.#fate.result
      case 'failed':
        throw this.#fate.error
      case 'unsent':
        throw new TwqError('TWQ_PLUGIN', `plugin '${this.#culprit}' has not sent ${name}: it returned without next()`, {
          hint: 'A hook that is to keep a message from being sent throws',
        })
    }
  }
}
