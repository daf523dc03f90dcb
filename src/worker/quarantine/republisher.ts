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
  /** How often it came back only because this process lost the channel that it held it on. */
  readonly lostWithConnection?: number
  /** `held` and `limited` ones wait for their time, like thousands of others perhaps. */
  readonly state?: string
  /** When its code began to run; undefined when it never did. */
  readonly startedAt?: number | undefined
  /** How its task ended, where it has, and the message only waits to be set aside. */
  readonly ended?: string | undefined
}

/** A request whose message may go back. */
export interface Returnable extends HeldMessage {
  readonly acknowledged: boolean
  /** True once its message is on its way back. */
  givenBack: boolean
}

/** The parts that republishing works with. */
export interface RepublisherParts {
  readonly publisher: Publisher
  readonly clock: Clock
  readonly node: string
  /** Whether the broker takes no messages for now: it is low on memory or disk. */
  readonly blocked: () => boolean
  /** Resolves once the broker has carried out every acknowledgement given so far. */
  readonly acknowledged: (holding: HeldMessage) => Promise<void>
}

// Returning more than this by copies would take longer than a shutdown has.
const MOST_COPIES = 1_000
const WAITING: readonly (string | undefined)[] = ['held', 'limited']

/**
 * Replaces messages by copies that carry their past: publish, confirm, ack. A broker hands the copy out before it
 * confirms it, so this same process may get it while the original is still its own, and a death in that moment would
 * leave both: a copy is started only once `underway` has resolved.
 */
export class Republisher {
  readonly #parts: RepublisherParts
  readonly #underway = new Map<string, Promise<void>>()

  constructor(parts: RepublisherParts) {
    this.#parts = parts
  }

  /** Settles, without an error, when the message of this task is in the broker's hands alone; undefined when it is. */
  underway(id: string): Promise<void> | undefined {
    return this.#underway.get(id)
  }

  /**
   * Has the message run as a copy that remembers how often it may have started. Resolves with false where the original may
   * come again, since its acknowledgement was lost with its channel. Rejects when the broker takes no copy.
   */
  mark(id: string, holding: HeldMessage, starts: number): Promise<boolean> {
    return this.#replace(id, holding, {
      queue: holding.queue,
      starts,
      redelivered: true,
      event: this.#event('came back, and runs again'),
    })
  }

  /** Moves the message to the suspects of its queue, also from there; `why` is for its history. Resolves and rejects as `mark` does. */
  suspect(id: string, holding: HeldMessage, { starts, graceUsed }: Past, why: string): Promise<boolean> {
    const to = { queue: suspectsQueue(holding.queue), starts, graceUsed, redelivered: true, event: this.#event(why) }
    return this.#replace(id, holding, to)
  }

  /** Returns a suspect that has not run, so that its worker does not hold it while it waits. Rejects when the broker does not take it. */
  async postpone(id: string, holding: HeldMessage): Promise<void> {
    await this.#replace(id, holding, copyAsIs(holding))
  }

  /**
   * Returns a message that has not run to the end of its queue, for another worker to take. Its copy has a line of its own in
   * the history, by which it is told from an original that may come again. Resolves and rejects as `mark` does.
   */
  passOn(id: string, holding: HeldMessage): Promise<boolean> {
    const event = this.#event('waited behind other tasks, and went back')
    return this.#replace(id, holding, { ...copyAsIs(holding), event })
  }

  /** Puts a copy in the place of a message that is held for long, as it is. Rejects when the broker does not take it. */
  async renew(holding: HeldMessage): Promise<void> {
    await this.#publishAnyway(holding, copyAsIs(holding))
    holding.delivery.ack()
  }

  /**
   * Returns messages that did not run by publishing copies, so that no redelivery is counted as the death of a worker. Requests
   * that wait for their ETA, all beyond a thousand, and all that have no end to tell of while the broker takes no messages are
   * nacked where that does no harm. Never rejects.
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
    // Highest delivery tag first: each lands in front of the one before, and the queue is as it was.
    for (const { delivery } of nacked.reverse()) delivery.nack({ requeue: true })
    await Promise.all(copied.map((holding) => this.#giveBackCopy(holding)))
  }

  /** Returns requests, each once: an attempt that ignores the shutdown may end after its message went back. Never rejects. */
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
      // Without a channel the broker has taken the original back; there is nothing to wait for.
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

  /** Publishes a copy; where no frame holds its headers with our marks, to the suspects, in the form that only they have. */
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

/** Back to where it came from, with what is known of it by now. */
function copyAsIs({ delivery, queue, source, startedAt, lostWithConnection, ended }: HeldMessage): CopyOptions {
  const facts = factsOf(delivery, source, lostWithConnection)
  return {
    ...startsSoFar(facts),
    queue: source === 'suspects' ? suspectsQueue(queue) : queue,
    redelivered: startedAt !== undefined || ended !== undefined || mayHaveStarted(facts),
    ended,
  }
}
