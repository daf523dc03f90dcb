import type { Outgoing } from '../protocol/wire.ts'

/** How one message is published. */
export interface PublishOptions {
  /** Ask to have the message back when it reaches no queue. */
  readonly mandatory?: boolean
  /** Milliseconds until `TWQ_PUBLISH_TIMEOUT`; without it a publish waits as long as the publisher lives. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/**
 * Publishes with confirms over a session: waits for a connection, sends again what a lost connection left unconfirmed,
 * and holds a bounded number of messages meanwhile.
 */
export interface Publisher {
  /**
   * Resolves on the broker's confirm (`returned`: a mandatory message reached no queue). Rejects with
   * `TWQ_PUBLISH_REFUSED` (nacked), `TWQ_PUBLISH_TIMEOUT`, `TWQ_PUBLISH_OVERFLOW`, the signal's reason, or `TWQ_CLOSED`.
   */
  publish(outgoing: Outgoing, options?: PublishOptions): Promise<'confirmed' | 'returned'>
  /** Messages handed over and not yet confirmed. */
  readonly outstanding: number
}
