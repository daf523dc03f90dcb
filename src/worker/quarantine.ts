import type { Delivery } from '../broker/broker.ts'
import type { Publisher } from '../broker/publisher.ts'
import { quarantineMessage } from '../protocol/quarantine.ts'
import type { Clock } from '../runtime/clock.ts'

/** Why a message is set aside. */
export interface QuarantineReason {
  /** A Celery-style exception name, such as `NotRegistered` or `DecodeError`. */
  readonly type: string
  readonly detail: string
  /** The task's id and name, where they could be read. */
  readonly id: string | undefined
  readonly task: string | undefined
  /** How many times it started without being settled, where that is why. */
  readonly starts?: number | undefined
}

/** Sets messages aside in `<queue>.quarantine`, with their bytes and the story of how they got there. */
export class Quarantine {
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #node: string
  readonly #onTaken: (task: string | undefined) => void

  constructor(
    publisher: Publisher,
    clock: Clock,
    node: string,
    onTaken: (task: string | undefined) => void = () => {},
  ) {
    this.#publisher = publisher
    this.#clock = clock
    this.#node = node
    this.#onTaken = onTaken
  }

  /** Resolves once the broker has the copy; the original may then be acknowledged. Rejects when it has not: keep the original. */
  async take(delivery: Delivery, queue: string, reason: QuarantineReason): Promise<void> {
    const outgoing = quarantineMessage(delivery, {
      queue,
      route: delivery.route,
      redelivered: delivery.redelivered,
      type: reason.type,
      detail: reason.detail,
      id: reason.id,
      task: reason.task,
      starts: reason.starts,
      node: this.#node,
      now: this.#clock.now(),
    })
    const answer = await this.#publisher.publish(outgoing, { mandatory: true })
    if (answer === 'returned') throw new Error(`the queue ${outgoing.route.routingKey} does not exist`)
    this.#onTaken(reason.task)
  }
}
