import type { Channel } from '../../broker/broker.ts'
import { isPoisonous, poisonous } from '../../broker/failures.ts'
import { oversizeError, oversizeIn } from '../../broker/message-size.ts'
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
  /** The largest body that the broker takes, in bytes, as far as it has said. */
  readonly limits: { readonly largest: number }
  readonly clock: Clock
}

/** Milliseconds for which a message is tried again that the broker does not take. */
const PATIENCE = 5_000
/** Channels that stay open for the next messages that are published apart. */
const MOST_SPARE = 2

interface Used {
  readonly channel: Channel
  inFlight: number
}

/**
 * Publishes what a leader sends: over the channel that holds the state, or, once that refuses messages time and again, over others of the
 * same connection. Nothing is written any more once the channel with the state is over, and the loss of another channel ends that one.
 *
 * A message that may make the broker close its channel, for an exchange that does not exist for example, has a channel of its own: otherwise
 * it would end the lead, and that of each leader after it.
 */
export class LeadPublisher {
  readonly #parts: LeadPublisherParts
  readonly #refused: RefusedRoutes
  readonly #over = sharedAbort()
  #current: Used
  #opening = false
  /** Channels for one message at a time: in use, and spare. */
  readonly #apart = new Set<Channel>()
  #spare: Channel[] = []

  constructor(parts: LeadPublisherParts) {
    this.#parts = parts
    this.#refused = new RefusedRoutes(parts.clock)
    this.#current = { channel: parts.channel, inFlight: 0 }
    void parts.channel.closed.then((reason) => this.#end(reason))
  }

  /**
   * Resolves once the broker has the message, or returned it: no queue takes it. Rejects with `TWQ_PUBLISH_REFUSED` where it takes none for
   * `patience` milliseconds, or never takes this one, and as the channel does where that is over.
   */
  async publish(outgoing: Outgoing, patience: number = PATIENCE): Promise<'confirmed' | 'returned'> {
    const { route } = outgoing
    const refusals = new BackoffState(this.#parts.clock, Math.random)
    for (;;) {
      try {
        const answer = await (mayCloseChannel(outgoing) ? this.#writeApart(outgoing) : this.#write(outgoing))
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
    return TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && oversizeIn(error) === undefined && !isPoisonous(error)
  }

  /** Throws where nothing may be written any more, or the broker would close the channel for the size of the message. */
  #admit({ message: { body } }: Outgoing): void {
    const { channel, limits } = this.#parts
    if (!channel.isOpen) throw new TwqError('TWQ_CHANNEL_CLOSED', 'the channel that holds the schedules is over')
    if (body.length > limits.largest) throw oversizeError({ size: body.length, limit: limits.largest })
  }

  async #write(outgoing: Outgoing): Promise<'confirmed' | 'returned'> {
    this.#admit(outgoing)
    const used = this.#current
    used.inFlight += 1
    try {
      return await used.channel.publish(outgoing.route, outgoing.message, { mandatory: true })
    } catch (error) {
      // Whether the broker has what was written is unknown: the next leader sends it again, under its id.
      if (!used.channel.isOpen) void this.#parts.channel[Symbol.asyncDispose]()
      throw error
    } finally {
      used.inFlight -= 1
      this.#leave(used)
    }
  }

  async #writeApart(outgoing: Outgoing): Promise<'confirmed' | 'returned'> {
    const lead = this.#parts.channel
    let own: Channel | undefined
    try {
      this.#admit(outgoing)
      own = await this.#openApart()
      // The lead may have ended while the channel was opened.
      this.#admit(outgoing)
      const answer = await own.publish(outgoing.route, outgoing.message, { mandatory: true })
      if (own.isOpen && this.#spare.length < MOST_SPARE) this.#spare.push(own)
      else this.#drop(own)
      return answer
    } catch (error) {
      const isLost = TwqError.is(error, 'TWQ_CONNECTION_LOST')
      if (isLost) void lead[Symbol.asyncDispose]()
      const isClosed = own?.isOpen === false && lead.isOpen
      if (own !== undefined) this.#drop(own)
      throw isClosed && oversizeIn(error) === undefined ? poisonous({ outgoing }, error as Error) : error
    }
  }

  async #openApart(): Promise<Channel> {
    const channel = this.#spare.pop() ?? (await this.#parts.openChannel())
    if (!channel.isOpen) {
      this.#drop(channel)
      return await this.#openApart()
    }
    this.#apart.add(channel)
    return channel
  }

  #drop(channel: Channel): void {
    this.#apart.delete(channel)
    void channel[Symbol.asyncDispose]()
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
    for (const apart of this.#apart) this.#drop(apart)
    this.#spare = []
  }
}

/**
 * Whether the broker may close the channel for this message: its exchange does not exist or may not be written to, or the headers by which
 * RabbitMQ copies it to other queues can't be read.
 */
function mayCloseChannel({ route, message: { headers } }: Outgoing): boolean {
  return route.exchange !== '' || headers.CC !== undefined || headers.BCC !== undefined
}
