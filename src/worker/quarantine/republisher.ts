import type { Delivery } from '../../broker/broker.ts'
import type { Publisher } from '../../broker/publisher.ts'
import { TwqError } from '../../errors.ts'
import { suspectsQueue } from '../../protocol/companion-queues.ts'
import { packedCopy } from '../../protocol/headers/packed-copy.ts'
import { type CopyOptions, markedCopy } from '../../protocol/headers/suspect.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type DeliverySource, factsOf, mayBeNacked, mayHaveStarted, type Past, startsSoFar } from './poison-policy.ts'

/** A message in hand, and where it came from. */
export interface HeldMessage {
  readonly delivery: Delivery
  /** The task queue, also for a message that came from its suspects. */
  readonly queue: string
  readonly source: DeliverySource
  /** How often it was redelivered only because this process lost the channel of the delivery. */
  readonly lostWithConnection?: number
  /** `held` and `limited` ones wait for their ETA or rate limit, possibly with thousands of others. */
  readonly state?: string
  /** When its code started; undefined if it never did. */
  readonly startedAt?: number | undefined
  /** How its task ended, if it has, and the message only waits to be set aside. */
  readonly ended?: string | undefined
}

/** A request whose message may be returned. */
export interface Returnable extends HeldMessage {
  readonly acknowledged: boolean
  /** True once its message is being returned. */
  givenBack: boolean
}

/** The parts that republishing works with. */
export interface RepublisherParts {
  readonly publisher: Publisher
  readonly clock: Clock
  readonly node: string
  /** Whether the broker accepts no messages for now: it is low on memory or disk. */
  readonly blocked: () => boolean
  /** Resolves once the broker has processed every acknowledgement so far. */
  readonly acknowledged: (holding: HeldMessage) => Promise<void>
}

// Returning more than this as copies would take longer than a shutdown may.
const MOST_COPIES = 1_000
const WAITING: readonly (string | undefined)[] = ['held', 'limited']

/**
 * Replaces messages by copies that record their past: publish, confirm, ack. A broker delivers the copy before it confirms it, so
 * this same process may receive it while it still holds the original, and dying at that moment would leave both: a copy is
 * started only once `underway` has resolved.
 */
export class Republisher {
  readonly #parts: RepublisherParts
  readonly #underway = new Map<string, Promise<void>>()

  constructor(parts: RepublisherParts) {
    this.#parts = parts
  }

  /** Settles, without an error, when only the broker holds the message of this task; undefined if that is the case already. */
  underway(id: string): Promise<void> | undefined {
    return this.#underway.get(id)
  }

  /**
   * Makes the message run as a copy that records how often it may have started. Resolves with false if the original may be
   * redelivered, since its acknowledgement was lost with its channel. Rejects if the broker refuses the copy.
   */
  mark(id: string, holding: HeldMessage, starts: number): Promise<boolean> {
    return this.#replace(id, holding, {
      queue: holding.queue,
      starts,
      redelivered: true,
      event: this.#event('came back, and runs again'),
    })
  }

  /**
   * Moves the message to the suspects of its queue, also from there; `why` is for its history. Resolves and rejects as `mark`
   * does.
   */
  suspect(id: string, holding: HeldMessage, { starts, graceUsed }: Past, why: string): Promise<boolean> {
    const to = { queue: suspectsQueue(holding.queue), starts, graceUsed, redelivered: true, event: this.#event(why) }
    return this.#replace(id, holding, to)
  }

  /** Returns a suspect that has not run, so that its worker does not hold it while it waits. Rejects if the broker refuses it. */
  async postpone(id: string, holding: HeldMessage): Promise<void> {
    await this.#replace(id, holding, copyAsIs(holding))
  }

  /**
   * Returns a message that has not run to the end of its queue, for another worker. Its copy has a line of its own in the
   * history, which distinguishes it from an original that may be redelivered. Resolves and rejects as `mark` does.
   */
  passOn(id: string, holding: HeldMessage): Promise<boolean> {
    const event = this.#event('waited behind other tasks, and went back')
    return this.#replace(id, holding, { ...copyAsIs(holding), event })
  }

  /** Replaces a message that is held for long by an unchanged copy. Rejects if the broker refuses it. */
  async renew(holding: HeldMessage): Promise<void> {
    await this.#publishAnyway(holding, copyAsIs(holding))
    holding.delivery.ack()
  }

  /**
   * Returns messages that did not run by publishing copies, so that no redelivery is counted as the death of a worker. Requests
   * that wait for their ETA, all above a thousand, and all without an outcome to record while the broker accepts no messages are
   * nacked if that does no harm. Never rejects.
   */
  async giveBack(holdings: readonly HeldMessage[]): Promise<void> {
    const inOrder = holdings.toSorted((a, b) => a.delivery.deliveryTag - b.delivery.deliveryTag)
    const nacked: HeldMessage[] = []
    const copied: HeldMessage[] = []
    const blocked = this.#parts.blocked()
    for (const holding of inOrder) {
      const stuck = blocked && holding.ended === undefined
      const dear = stuck || WAITING.includes(holding.state) || copied.length >= MOST_COPIES
      const nack = !holding.delivery.alive || (dear && mayBeNacked(factsOf(holding.delivery, holding.source)))
      if (nack) nacked.push(holding)
      else copied.push(holding)
    }
    // Highest delivery tag first: each is put in front of the previous one, which restores the order of the queue.
    for (const { delivery } of nacked.reverse()) delivery.nack({ requeue: true })
    await Promise.all(copied.map((holding) => this.#giveBackCopy(holding)))
  }

  /** Returns requests, each once: an attempt that ignores the shutdown may end after its message was returned. Never rejects. */
  giveBackOnce(requests: readonly Returnable[]): Promise<void> {
    const kept = requests.filter((request) => !request.acknowledged && !request.givenBack)
    for (const request of kept) request.givenBack = true
    return this.giveBack(kept)
  }

  async #giveBackCopy(holding: HeldMessage): Promise<void> {
    const { delivery } = holding
    try {
      await this.#publish(holding, copyAsIs(holding))
      delivery.ack()
    } catch {
      delivery.nack({ requeue: true })
    }
  }

  async #replace(id: string, holding: HeldMessage, to: CopyOptions): Promise<boolean> {
    const { acknowledged } = this.#parts
    const work = this.#publishAnyway(holding, to).then(async () => {
      const acked = holding.delivery.ack()
      // Without a channel the broker has already taken the original back.
      const carriedOut = await acknowledged(holding).then(
        () => holding.delivery.alive,
        () => false,
      )
      return acked && carriedOut
    })
    const over = work.then(
      () => {},
      () => {},
    )
    this.#underway.set(id, over)
    await over
    if (this.#underway.get(id) === over) this.#underway.delete(id)
    return work
  }

  /**
   * Publishes a copy; if its headers with our marks do not fit into a frame, to the suspects, in the form that only they have.
   */
  async #publishAnyway(holding: HeldMessage, to: CopyOptions): Promise<void> {
    try {
      await this.#publish(holding, to)
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_UNSERIALISABLE')) throw error
      const suspect = { ...to, queue: suspectsQueue(holding.queue) }
      await this.#send(packedCopy(holding.delivery, suspect))
    }
  }

  async #publish({ delivery }: HeldMessage, to: CopyOptions): Promise<void> {
    await this.#send(markedCopy(delivery, to))
  }

  async #send(copy: Outgoing): Promise<void> {
    if ((await this.#parts.publisher.publish(copy, { mandatory: true })) === 'confirmed') return
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `the queue ${copy.route.routingKey} does not exist any more`)
  }

  #event(text: string): string {
    return `${new Date(this.#parts.clock.now()).toISOString()} ${this.#parts.node}: ${text}`
  }
}

/** Back to where it came from, with what is known about it by now. */
function copyAsIs({ delivery, queue, source, startedAt, lostWithConnection, ended }: HeldMessage): CopyOptions {
  const facts = factsOf(delivery, source, lostWithConnection)
  return {
    ...startsSoFar(facts),
    queue: source === 'suspects' ? suspectsQueue(queue) : queue,
    redelivered: startedAt !== undefined || ended !== undefined || mayHaveStarted(facts),
    ended,
  }
}
