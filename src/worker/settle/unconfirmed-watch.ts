import type { OwnedPublisher } from '../../broker/publisher.ts'
import type { Session } from '../../broker/session.ts'
import type { Route } from '../../protocol/wire.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'

/** The parts that the watch works with. */
export interface UnconfirmedWatchParts {
  readonly publisher: Pick<OwnedPublisher, 'oldest' | 'outstanding'>
  /** The session of the publisher. */
  readonly session: Pick<Session, 'connection'>
  readonly clock: Clock
  readonly logger: EventLogger
}

// In milliseconds. A confirm takes moments, or a second with a busy broker.
const LOOK_EVERY = 5_000
const LONG = 10_000
const TELL_EVERY = 60_000

/**
 * Notices that the broker does not confirm a message: its quorum queue has a leader, and no majority of its nodes, for example. Tasks that
 * wait for that neither end nor fail. Looks now and then which message waits longest, so that publishing costs nothing more.
 */
export class UnconfirmedWatch {
  readonly #parts: UnconfirmedWatchParts
  #oldest: OwnedPublisher['oldest']
  #since = 0
  #toldAt = Number.NEGATIVE_INFINITY
  #timer: Timer | undefined

  constructor(parts: UnconfirmedWatchParts) {
    this.#parts = parts
  }

  start(): void {
    this.#look()
    this.#timer = this.#parts.clock.after(LOOK_EVERY, () => this.start())
  }

  stop(): void {
    this.#timer?.cancel()
  }

  /**
   * Where the message goes that waits for its confirm longest, and for how many milliseconds at least; undefined below ten seconds, and
   * while there is no connection or the broker blocks it.
   */
  get waiting(): { readonly route: Route; readonly ms: number } | undefined {
    const { publisher, session, clock } = this.#parts
    const oldest = this.#oldest
    const ms = Math.round(clock.monotonic() - this.#since)
    if (oldest === undefined || publisher.oldest !== oldest || ms < LONG) return undefined
    const { connection } = session
    return connection === undefined || connection.blocked !== undefined
      ? undefined
      : { route: oldest.outgoing.route, ms }
  }

  #look(): void {
    const { publisher, clock, logger } = this.#parts
    const now = clock.monotonic()
    if (publisher.oldest !== this.#oldest) {
      this.#oldest = publisher.oldest
      this.#since = now
    }
    const { waiting } = this
    if (waiting === undefined || now - this.#toldAt < TELL_EVERY) return
    this.#toldAt = now
    const { exchange, routingKey } = waiting.route
    const hint = 'Its queue may have lost the majority of its nodes: twq doctor'
    logger.warn(
      {
        event: 'publish.unconfirmed',
        exchange,
        routing_key: routingKey,
        waited_ms: waiting.ms,
        unconfirmed: publisher.outstanding,
        hint,
      },
      'the broker does not confirm a message; what waits for it goes on waiting',
    )
  }
}
