import type { Broker } from '../broker/broker.ts'
import { DelayedDelivery, type DelayedQueueType } from '../broker/delayed-delivery.ts'
import { answeringInTime } from '../broker/in-time.ts'
import type { OwnedPublisher } from '../broker/publisher.ts'
import { createPublisher } from '../broker/publishing/session-publisher.ts'
import { createSession, type Session } from '../broker/session.ts'
import { TwqError } from '../errors.ts'
import { type EventOptions, type EventStream, receiveEvents } from '../events/receiver.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { clientClosed } from '../results/client-closed.ts'
import type { Replies } from '../results/replies.ts'
import type { ResultReading } from '../results/result-reading.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { timeLimit, unlessAborted } from '../runtime/time/time-limit.ts'
import { askLeader, type LeaderAnswer, type LeaderRequest, LONGEST_ANSWER } from '../schedules/ask-leader.ts'
import { type AskOptions, askOn } from '../sending/broadcast.ts'
import { DeclaredQueues } from '../sending/declared-queues.ts'
import { DelayedTasks } from '../sending/delayed-tasks.ts'
import type { Revoke } from '../sending/revoke.ts'
import type { Router } from '../sending/router.ts'
import { createSender, type Sender } from '../sending/sender.ts'
import type { AnyArguments, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'

/** The settings of each successive connection of a client. Durations in milliseconds. */
export interface ConnectionSettings {
  /** Outlives the connections to the broker. */
  readonly results: ResultReading
  readonly router: Router
  readonly clock: Clock
  readonly publishTimeout: number
  readonly holdFor: number | undefined
  readonly delayedQueueType: DelayedQueueType
  readonly schedulesNamespace: string
}

const CLOSE_TIMEOUT = 5_000

/** One session of a client, with its publisher, sender and replies. */
export class ClientConnection {
  readonly send: Send
  readonly #sender: Sender
  readonly #session: Session
  readonly #publisher: OwnedPublisher
  readonly replies: Replies | undefined
  readonly #publishTimeout: number
  readonly #clock: Clock
  #started = false
  #closing = false

  constructor(broker: Broker, settings: ConnectionSettings, logger: EventLogger | undefined) {
    const { results, router, clock, publishTimeout, holdFor, delayedQueueType } = settings
    this.#publishTimeout = publishTimeout
    this.#clock = clock
    this.#session = createSession({ broker, name: 'client', clock, random: Math.random })
    this.#session.listen((event) => {
      if (event.kind === 'lost') logger?.warn({ err: event.error }, 'broker lost')
      else if (event.kind === 'connected') logger?.debug({ attempts: event.attempts }, 'broker connected')
    })
    this.#publisher = createPublisher(this.#session, {
      clock,
      // The sender limits what is in flight.
      maxOutstanding: Number.POSITIVE_INFINITY,
      maxBytes: Number.POSITIVE_INFINITY,
      // Leaves time to report a refusal, or to publish again.
      patience: publishTimeout / 2,
    })
    this.replies = results.repliesOver(this.#session)
    const delivery = new DelayedDelivery({
      session: this.#session,
      queueType: delayedQueueType,
      enabled: true,
      clock,
      onUnusable: (error) =>
        logger?.warn({ err: error }, "native delayed delivery can't be used: workers hold the tasks"),
    })
    const publisher = this.#publisher
    const queues = new DeclaredQueues(answeringInTime(this.#session, clock), router)
    this.#sender = createSender({
      session: this.#session,
      queues,
      delays:
        holdFor === undefined ? undefined : new DelayedTasks({ delivery, holdFor, publisher, queues, router, clock }),
      publisher,
      replies: this.replies,
      chords: results.chords,
      router,
      publishTimeout,
      clock,
    })
    this.send = this.#sender.sendFor()
  }

  readonly revoke: Revoke = (ids, options) => this.#sender.revoke(ids, options)

  /** Asks workers. Rejects with `TWQ_BROKER_UNREACHABLE` where they can't be asked within the time for a publish, and `options.timeout` after it. */
  async ask(method: string, args: JsonObject, options: AskOptions): Promise<ReadonlyMap<string, Json>> {
    const reason = () => this.#unreached(method)
    using limit = timeLimit({ ms: this.#publishTimeout + options.timeout, signal: options.signal, reason })
    const asked = this.#session.withChannel(
      (channel) => {
        const server = this.#session.connection?.server
        if (server === undefined)
          throw new TwqError('TWQ_CONNECTION_LOST', `the broker was lost before ${method} was sent`)
        return askOn(channel, method, args, { ...options, server, clock: this.#clock, signal: limit.signal })
      },
      { signal: limit.signal },
    )
    return await this.#unlessClosed(unlessAborted(asked, limit.signal))
  }

  /** Asks the worker that leads the schedules. Rejects with `TWQ_BROKER_UNREACHABLE` where the broker can't be reached within the time for a publish. */
  async askLeader(request: LeaderRequest): Promise<LeaderAnswer> {
    const reason = () => this.#unreached('the command')
    using limit = timeLimit({ ms: this.#publishTimeout + LONGEST_ANSWER, reason })
    const asked = this.#session.withChannel((channel) => askLeader(channel, request, this.#clock), limit)
    return await this.#unlessClosed(unlessAborted(asked, limit.signal))
  }

  /** The same, with the error of a closed client for what `close` cut off. */
  async #unlessClosed<T>(asked: Promise<T>): Promise<T> {
    return await asked.catch((error: unknown) => {
      throw this.#closing && TwqError.is(error, 'TWQ_CLOSED') ? clientClosed() : error
    })
  }

  #unreached(what: string): TwqError {
    return new TwqError('TWQ_BROKER_UNREACHABLE', `${what} did not reach the broker in time`, {
      hint: 'Try again once the broker answers; `twq doctor` says what is wrong with it.',
      cause: this.#session.trouble,
    })
  }

  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing {
    return this.#sender.encode(target, args, options)
  }

  events(options: EventOptions): EventStream {
    return receiveEvents({ session: this.#session, clock: systemClock }, options)
  }

  /** Connects, the first time it is called. */
  start(onHopeless: (error: unknown) => void): void {
    if (this.#started) return
    this.#started = true
    this.#session.listen((event) => {
      if (event.kind === 'failed') onHopeless(event.error)
    })
    this.#session.start().catch((error: unknown) => {
      if (!TwqError.is(error, 'TWQ_CLOSED')) onHopeless(error)
    })
  }

  async close(): Promise<void> {
    if (!this.#started) return
    this.#closing = true
    await this.#sender.settled()
    await this.replies?.leave()
    await this.#publisher[Symbol.asyncDispose]()
    await this.#session.stop({ deadline: AbortSignal.timeout(CLOSE_TIMEOUT) })
  }
}
