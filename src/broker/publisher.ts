import { sentAgain } from '../protocol/headers/suspect.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { BackoffState } from '../runtime/time/backoff.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import type { Channel, PublishListener } from './broker.ts'

/** The source of an answer to one message. */
export interface AnswerSource {
  /** Called on the answer, while a publish waits for the broker's confirm. */
  onAnswer: { answered(): void } | undefined
}

/** How one message is published. */
export interface PublishOptions {
  /** Ask to have the message back when it reaches no queue. */
  readonly mandatory?: boolean
  /** Milliseconds until `TWQ_PUBLISH_TIMEOUT`; without it a publish waits as long as the publisher lives. */
  readonly timeout?: number
  readonly signal?: AbortSignal | undefined
  /** Instead of the publisher's own. */
  readonly patience?: number
  /** An answer from here proves that the broker took the message: it ends the publish, confirmed or not. */
  readonly answer?: AnswerSource | undefined
}

/**
 * Publishes with confirms over a session: waits for a connection, sends again what a lost connection left unconfirmed,
 * tries again for a while what the broker does not take, and holds a bounded number of messages meanwhile. The message of a
 * task that is sent again says that it may have started: the broker may have both.
 */
export interface Publisher {
  /**
   * Resolves on the broker's confirm (`returned`: a mandatory message reached no queue), or on the answer. Rejects with
   * `TWQ_PUBLISH_REFUSED` (nacked time and again, or larger than the broker takes), `TWQ_PUBLISH_TIMEOUT`, `TWQ_PUBLISH_OVERFLOW`, the signal's reason, or `TWQ_CLOSED`.
   */
  publish(outgoing: Outgoing, options?: PublishOptions): Promise<'confirmed' | 'returned'>
  /** The same without a promise: calls `listener` once, and never before it returns. */
  post(outgoing: Outgoing, options: PublishOptions, listener: PublishListener): void
  /** Messages handed over and not yet confirmed. */
  readonly outstanding: number
  /** Their bytes: bodies and raw headers. */
  readonly bytes: number
}

/** A publisher that its owner closes, before its session stops. */
export interface OwnedPublisher extends Publisher, AsyncDisposable {
  /** Resolves once the publisher's channel is open for the first time. */
  readonly ready: Promise<void>
  /** What has been with the broker longest without a confirm. */
  readonly oldest: PendingPublish | undefined
  /** Waits until everything is confirmed or `deadline` aborts; resolves with how many messages are not. Never rejects. */
  flush(options: { readonly deadline: AbortSignal }): Promise<number>
  /** Rejects what is left with `TWQ_CLOSED`; `flush` first. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Bounds of what a publisher holds. */
export interface PublisherOptions {
  readonly clock: Clock
  /** Messages: 1,000. */
  readonly maxOutstanding?: number
  /** Bytes of bodies and raw headers: 16 MiB. One message alone may be larger. */
  readonly maxBytes?: number
  /**
   * Milliseconds for which a message is tried again that the broker does not take: 5 s. A quorum queue takes none while it
   * has no leader, for some moments after a node was lost; a full one may take some soon.
   */
  readonly patience?: number
}

/** The publisher, which gets the channel's answer for a message. */
export interface PublishOwner {
  confirmed(entry: PendingPublish, outcome: 'confirmed' | 'returned'): void
  refused(entry: PendingPublish, error: Error): void
}

/** One message from `publish` until its outcome is known; hears of it from the channel that it was written to last. */
export class PendingPublish implements PublishListener {
  outgoing: Outgoing
  readonly mandatory: boolean
  readonly patience: number
  readonly size: number
  readonly listener: PublishListener
  /** Its number among the publishes of its publisher. */
  readonly serial: number
  readonly #publisher: PublishOwner
  channel: Channel | undefined
  /** When its time is up, by the monotonic clock, and how long that was. */
  due = Number.POSITIVE_INFINITY
  timeout = 0
  /** Withdraws the abort listener. */
  cleanUp: (() => void) | undefined
  answer: AnswerSource | undefined
  /** The state of its retries after the broker refused it, and the last refusal. */
  refusals: BackoffState | undefined
  refusal: unknown
  /** Until it is tried again. */
  rest: Timer | undefined

  constructor(
    outgoing: Outgoing,
    options: { mandatory: boolean; patience: number; size: number; serial: number },
    publisher: PublishOwner,
    listener: PublishListener,
  ) {
    this.outgoing = outgoing
    this.listener = listener
    this.mandatory = options.mandatory
    this.patience = options.patience
    this.size = options.size
    this.serial = options.serial
    this.#publisher = publisher
  }

  /** Its channel is gone: the broker may have it, and it is sent again. */
  becameUncertain(): void {
    const { route, message } = this.outgoing
    this.outgoing = { route, message: sentAgain(message) }
  }

  confirmed(outcome: 'confirmed' | 'returned'): void {
    this.#publisher.confirmed(this, outcome)
  }

  refused(error: Error): void {
    this.#publisher.refused(this, error)
  }

  answered(): void {
    this.#publisher.confirmed(this, 'confirmed')
  }
}
