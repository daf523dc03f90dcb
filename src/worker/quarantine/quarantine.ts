import type { Delivery } from '../../broker/broker.ts'
import type { Publisher } from '../../broker/publisher.ts'
import { quarantineMessage } from '../../protocol/headers/quarantine.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { CompanionPublisher } from './companion-publisher.ts'

/** Why a message is set aside. */
export interface QuarantineReason {
  /** A Celery-style exception name, such as `NotRegistered` or `DecodeError`. */
  readonly type: string
  readonly detail: string
  /** The task's id and name, if they could be read. */
  readonly id: string | undefined
  readonly task: string | undefined
  /** How often it started without being settled, if that is the reason. */
  readonly starts?: number | undefined
}

/** The parts that setting aside works with. */
export interface QuarantineParts {
  readonly publisher: Publisher
  /** Declares the quarantine of a task queue. */
  readonly declare: (queue: string) => Promise<unknown>
  readonly node: string
  /** Called for each message that was set aside. */
  readonly onTaken: (task: string | undefined) => void
  readonly clock: Clock
}

/** Moves messages to `<queue>.quarantine`, with their original bytes and a record of the reason. */
export class Quarantine {
  readonly #parts: QuarantineParts
  readonly #copies: CompanionPublisher

  constructor(parts: QuarantineParts) {
    this.#parts = parts
    this.#copies = new CompanionPublisher(parts)
  }

  /**
   * Resolves once the broker has the copy; the original may then be acknowledged. A deleted quarantine is declared again. Rejects
   * if the broker has no copy: keep the original.
   */
  async take(delivery: Delivery, queue: string, reason: QuarantineReason): Promise<void> {
    const { node, clock, onTaken } = this.#parts
    const { type, detail, id, task, starts } = reason
    const { route, redelivered } = delivery
    const facts = { queue, route, redelivered, type, detail, id, task, starts, node, now: clock.now() }
    await this.#copies.publish(delivery, queue, (place) => quarantineMessage(delivery, facts, place))
    onTaken(task)
  }
}
