import type { Channel } from '../../broker/broker.ts'
import { oversizeIn } from '../../broker/message-size.ts'
import { REFUSALS_OF_A_CHANNEL, RefusedRoutes } from '../../broker/publishing/refused-routes.ts'
import { TwqError } from '../../errors.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import { BackoffState } from '../../runtime/time/backoff.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { sharedAbort } from '../../runtime/time/shared-abort.ts'

/** The parts that a leader publishes with. */
export interface LeadPublisherParts {
  /** The channel that holds the state. */
  readonly channel: Channel
  /** Opens another channel on the same connection. */
  readonly openChannel: () => Promise<Channel>
  readonly clock: Clock
}

/** Milliseconds for which a message is tried again that the broker does not take. */
const PATIENCE = 5_000

interface Used {
  readonly channel: Channel
  inFlight: number
}

/**
 * Publishes what a leader sends: over the channel that holds the state, or, once that refuses messages time and again, over others of the
 * same connection. Nothing is written any more once the channel with the state is over, and the loss of another channel ends that one.
 */
export class LeadPublisher {
  readonly #parts: LeadPublisherParts
  readonly #refused: RefusedRoutes
  readonly #over = sharedAbort()
  #current: Used
  #opening = false

  constructor(parts: LeadPublisherParts) {
    this.#parts = parts
    this.#refused = new RefusedRoutes(parts.clock)
    this.#current = { channel: parts.channel, inFlight: 0 }
    void parts.channel.closed.then((reason) => this.#end(reason))
  }

  /**
   * Resolves once the broker has the message, or returned it: no queue takes it. Rejects with `TWQ_PUBLISH_REFUSED` where it takes none for
   * `patience` milliseconds, and as the channel does where that is over.
   */
  async publish(outgoing: Outgoing, patience: number = PATIENCE): Promise<'confirmed' | 'returned'> {
    const { route } = outgoing
    const refusals = new BackoffState(this.#parts.clock, Math.random)
    for (;;) {
      try {
        const answer = await this.#write(outgoing)
        this.#refused.taken(route)
        return answer
      } catch (error) {
        if (!this.#mayBeTaken(error) || refusals.elapsed >= patience) throw error
        const ms = refusals.failed()
        if (refusals.failures >= REFUSALS_OF_A_CHANNEL && this.#refused.refused(route)) void this.#renew()
        await pause(this.#parts.clock, ms, this.#over.signal)
      }
    }
  }

  #mayBeTaken(error: unknown): boolean {
    return TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && oversizeIn(error) === undefined
  }

  async #write({ route, message }: Outgoing): Promise<'confirmed' | 'returned'> {
    if (!this.#parts.channel.isOpen) {
      throw new TwqError('TWQ_CHANNEL_CLOSED', 'the channel that holds the schedules is over')
    }
    const used = this.#current
    used.inFlight += 1
    try {
      return await used.channel.publish(route, message, { mandatory: true })
    } catch (error) {
      // Whether the broker has what was written is unknown: the next leader sends it again, under its id.
      if (!used.channel.isOpen) void this.#parts.channel[Symbol.asyncDispose]()
      throw error
    } finally {
      used.inFlight -= 1
      this.#leave(used)
    }
  }

  async #renew(): Promise<void> {
    if (this.#opening) return
    this.#opening = true
    // If no other channel can be opened, the current one may still take it.
    const channel = await this.#parts.openChannel().catch(() => undefined)
    this.#opening = false
    if (channel === undefined) return
    if (this.#over.signal.aborted) return void channel[Symbol.asyncDispose]()
    const before = this.#current
    this.#current = { channel, inFlight: 0 }
    this.#leave(before)
  }

  /** Ends a channel that was replaced, once nothing is on its way there. */
  #leave(used: Used): void {
    if (used === this.#current || used.inFlight > 0 || used.channel === this.#parts.channel) return
    void used.channel[Symbol.asyncDispose]()
  }

  #end(reason: unknown): void {
    this.#over.abort(reason)
    const { channel } = this.#current
    if (channel !== this.#parts.channel) void channel[Symbol.asyncDispose]()
  }
}
