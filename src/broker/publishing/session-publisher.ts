import { TwqError } from '../../errors.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import { ShortLivedMap } from '../../runtime/short-lived-map.ts'
import { BackoffState } from '../../runtime/time/backoff.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import { EarliestTimer } from '../../runtime/time/earliest-timer.ts'
import { onAbort } from '../../runtime/time/on-abort.ts'
import type { Channel, CloseReason, PublishListener } from '../broker.ts'
import { poisonous, publisherClosed, publishOverflow, publishTimeout } from '../failures.ts'
import { oversizeError, oversizeIn } from '../message-size.ts'
import {
  type OwnedPublisher,
  PendingPublish,
  type PublisherOptions,
  type PublishOptions,
  type PublishOwner,
} from '../publisher.ts'
import type { Session } from '../session.ts'
import { type ChannelsOwner, PublisherChannels } from './publisher-channels.ts'
import { REFUSALS_OF_A_CHANNEL, RefusedRoutes } from './refused-routes.ts'

const MAX_OUTSTANDING = 1_000
const MAX_BYTES = 16 * 1024 * 1024
const PATIENCE = 5_000

/** The part of a session that a publisher needs. */
export type PublisherSession = Pick<Session, 'connected' | 'connection' | 'keep' | 'listen'>

/** A publisher on a channel of its own, kept by `session`. */
export function createPublisher(session: PublisherSession, options: PublisherOptions): OwnedPublisher {
  return new SessionPublisher(session, options)
}

class SessionPublisher implements OwnedPublisher, PublishOwner, ChannelsOwner {
  readonly #session: PublisherSession
  readonly #clock: Clock
  readonly #maxOutstanding: number
  readonly #maxBytes: number
  readonly #patience: number
  readonly #refused: RefusedRoutes
  readonly #stopListening: () => void
  readonly #channels: PublisherChannels
  /** To be written, in order. */
  #backlog = new Set<PendingPublish>()
  /** Written to a channel, in order. */
  readonly #inFlight = new ShortLivedMap<number, PendingPublish>()
  /** Not taken by the broker, and to be tried again. */
  readonly #resting = new Set<PendingPublish>()
  /** One of these made the broker close a channel, without saying which: they are sent one at a time. */
  readonly #suspects = new Set<PendingPublish>()
  /** The channel whose end has been explained by a message. */
  #explained: Channel | undefined
  #bytes = 0
  #serials = 0
  /** Bytes of a body that the broker takes, as far as it has said. */
  #largest = Number.POSITIVE_INFINITY
  #closed = false
  #emptied: Deferred<void> | undefined
  readonly #deadline: EarliestTimer

  constructor(session: PublisherSession, options: PublisherOptions) {
    this.#session = session
    this.#clock = options.clock
    this.#maxOutstanding = options.maxOutstanding ?? MAX_OUTSTANDING
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
    this.#patience = options.patience ?? PATIENCE
    this.#refused = new RefusedRoutes(options.clock)
    this.#deadline = new EarliestTimer(options.clock, () => this.#sweep())
    this.#stopListening = session.listen((event) => {
      if (event.kind === 'unblocked') this.#write()
      // The next broker may take more.
      if (event.kind === 'connected') this.#largest = Number.POSITIVE_INFINITY
    })
    this.#channels = new PublisherChannels(session, this)
  }

  get ready(): Promise<void> {
    return this.#channels.ready
  }

  get outstanding(): number {
    return this.#backlog.size + this.#inFlight.size + this.#resting.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get oldest(): PendingPublish | undefined {
    const [serial] = this.#inFlight.keys()
    return serial === undefined ? undefined : this.#inFlight.get(serial)
  }

  publish(outgoing: Outgoing, options: PublishOptions = {}): Promise<'confirmed' | 'returned'> {
    return new Promise((confirmed, refused) => this.post(outgoing, options, { confirmed, refused }))
  }

  post(outgoing: Outgoing, options: PublishOptions, listener: PublishListener): void {
    const { mandatory = false, timeout, signal, patience = this.#patience, answer } = options
    const size = outgoing.message.body.length + (outgoing.message.rawHeaders?.length ?? 0)
    const refusal = this.#refusalOf(outgoing, size, signal)
    if (refusal !== undefined) {
      queueMicrotask(() => listener.refused(refusal))
      return
    }
    const entry = new PendingPublish(outgoing, { mandatory, patience, size, serial: this.#serials++ }, this, listener)
    if (timeout !== undefined) this.#limit(entry, timeout)
    if (signal !== undefined) entry.cleanUp = onAbort(signal, () => this.#fail(entry, signal.reason))
    if (answer !== undefined) {
      entry.answer = answer
      answer.onAnswer = entry
    }
    this.#bytes += size
    const channel = this.#backlog.size === 0 && this.#suspects.size === 0 ? this.#writable() : undefined
    if (channel !== undefined) this.#send(entry, channel)
    else {
      this.#backlog.add(entry)
      this.#write()
    }
  }

  /** Why a message is refused at once; undefined when it is accepted. */
  #refusalOf(outgoing: Outgoing, size: number, signal: AbortSignal | undefined): Error | undefined {
    if (this.#closed) return publisherClosed()
    if (signal?.aborted) return signal.reason as Error
    if (outgoing.message.body.length > this.#largest) return this.#oversize(outgoing)
    const { outstanding } = this
    const full = outstanding >= this.#maxOutstanding || (outstanding > 0 && this.#bytes + size > this.#maxBytes)
    return full ? publishOverflow(outstanding, this.#bytes, this.#obstacle()) : undefined
  }

  async flush({ deadline }: { readonly deadline: AbortSignal }): Promise<number> {
    if (this.outstanding > 0 && !deadline.aborted) {
      this.#emptied ??= deferred()
      const giveUp = deferred<void>()
      const onAbort = (): void => giveUp.resolve()
      deadline.addEventListener('abort', onAbort)
      await Promise.race([this.#emptied.promise, giveUp.promise])
      deadline.removeEventListener('abort', onAbort)
    }
    return this.outstanding
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    this.#stopListening()
    this.#deadline.cancel()
    for (const entry of [...this.#inFlight.values(), ...this.#backlog, ...this.#resting])
      this.#fail(entry, publisherClosed())
    await this.#channels[Symbol.asyncDispose]()
  }

  opened(): void {
    this.#write()
  }

  inFlightOn(channel: Channel): number {
    return this.#inFlight.values().filter((entry) => entry.channel === channel).length
  }

  /** Writes what may be written now. */
  #write(): void {
    const channel = this.#writable()
    if (channel === undefined) return
    for (const entry of this.#backlog) {
      if (this.#suspects.size > 0 && this.#inFlight.size > 0) return
      this.#backlog.delete(entry)
      this.#send(entry, channel)
    }
  }

  /** The channel, while it takes messages. */
  #writable(): Channel | undefined {
    return this.#session.connection?.blocked === undefined ? this.#channels.current : undefined
  }

  #send(entry: PendingPublish, channel: Channel): void {
    this.#inFlight.set(entry.serial, entry)
    const { route, message } = entry.outgoing
    entry.channel = channel
    channel.post(route, message, entry, entry)
  }

  confirmed(entry: PendingPublish, outcome: 'confirmed' | 'returned'): void {
    if (!this.#over(entry)) return
    if (this.#refused.size > 0) this.#refused.taken(entry.outgoing.route)
    this.#wentOut(entry)
    entry.listener.confirmed(outcome)
  }

  refused(entry: PendingPublish, error: Error): void {
    const channel = entry.channel as Channel
    // The fate of the message is unknown: it stays, to be sent again.
    if (TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CHANNEL_CLOSED')) return
    this.#largest = Math.min(this.#largest, oversizeIn(error)?.limit ?? this.#largest)
    if (!channel.isOpen) this.#explained = channel
    else if (TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && this.#triedLater(entry, error)) return
    this.#fail(entry, error)
  }

  /** Has a message wait that the broker did not take; false when it was tried for long enough. */
  #triedLater(entry: PendingPublish, error: TwqError): boolean {
    entry.refusals ??= new BackoffState(this.#clock, Math.random)
    if (entry.refusals.elapsed >= entry.patience) return false
    entry.refusal = error
    if (!this.#landed(entry)) return true
    this.#resting.add(entry)
    entry.rest = this.#clock.after(entry.refusals.failed(), () => {
      this.#resting.delete(entry)
      this.#backlog.add(entry)
      this.#write()
    })
    // What the broker answers did not make it close a channel.
    this.#suspects.delete(entry)
    const isRefusedOften = entry.refusals.failures >= REFUSALS_OF_A_CHANNEL
    if (isRefusedOften && this.#refused.refused(entry.outgoing.route)) this.#channels.renew()
    this.#write()
    return true
  }

  /** Notes that an entry is no longer in flight; false when it was not in flight. */
  #landed(entry: PendingPublish): boolean {
    if (this.#inFlight.take(entry.serial) === undefined) return false
    this.#channels.landed(entry.channel as Channel)
    return true
  }

  /** The channel is gone: what was written to it and not confirmed is written again, before the rest. */
  lost(channel: Channel, reason: CloseReason): void {
    const uncertain = this.#inFlight.values().filter((entry) => entry.channel === channel)
    for (const { serial } of uncertain) this.#inFlight.take(serial)?.becameUncertain()
    this.#backlog = new Set([...uncertain, ...this.#backlog])
    for (const entry of this.#backlog) {
      if (entry.outgoing.message.body.length > this.#largest) this.#fail(entry, this.#oversize(entry.outgoing))
    }
    this.#suspect(uncertain, channel, reason)
    this.#write()
  }

  #suspect(uncertain: readonly PendingPublish[], channel: Channel, reason: CloseReason): void {
    if (reason.kind === 'requested' || TwqError.is(reason.error, 'TWQ_CONNECTION_LOST')) return
    if (this.#explained === channel) return
    // Only a publish can have made the broker close this channel. Sent alone, the culprit gives itself away.
    const [culprit, ...others] = uncertain
    if (culprit !== undefined && others.length === 0) this.#fail(culprit, poisonous(culprit, reason.error))
    else for (const entry of uncertain) this.#suspects.add(entry)
  }

  #limit(entry: PendingPublish, timeout: number): void {
    entry.timeout = timeout
    entry.due = this.#clock.monotonic() + timeout
    this.#deadline.notAfter(entry.due)
  }

  /** Fails the entries whose time is up. */
  #sweep(): void {
    const now = this.#clock.monotonic()
    for (const entry of [...this.#inFlight.values(), ...this.#backlog, ...this.#resting]) {
      if (entry.due <= now) this.#fail(entry, entry.refusal ?? publishTimeout(entry.timeout, this.#obstacle()))
      else this.#deadline.notAfter(entry.due)
    }
  }

  #fail(entry: PendingPublish, error: unknown): void {
    if (!this.#over(entry)) return
    this.#wentOut(entry)
    entry.listener.refused(error as Error)
  }

  /** Lets go of an entry; false when it was not held any more. */
  #over(entry: PendingPublish): boolean {
    const held = this.#landed(entry) || this.#backlog.delete(entry) || this.#resting.delete(entry)
    if (!held) return false
    this.#bytes -= entry.size
    entry.cleanUp?.()
    entry.rest?.cancel()
    if (entry.answer !== undefined) entry.answer.onAnswer = undefined
    return true
  }

  #wentOut(entry: PendingPublish): void {
    if (this.#suspects.delete(entry) || this.#suspects.size > 0) this.#write()
    if (this.outstanding > 0) return
    this.#emptied?.resolve()
    this.#emptied = undefined
  }

  #oversize({ message: { body } }: Outgoing): TwqError {
    return oversizeError({ size: body.length, limit: this.#largest })
  }

  #obstacle(): string {
    const { connected, connection } = this.#session
    if (!connected) return ': there is no connection'
    return connection?.blocked === undefined ? '' : `: the broker takes no messages (${connection.blocked})`
  }
}
