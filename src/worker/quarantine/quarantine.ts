import type { Delivery } from '../../broker/broker.ts'
import type { Publisher } from '../../broker/publisher.ts'
import { TwqError } from '../../errors.ts'
import { placeOfTable, quarantineMessage } from '../../protocol/headers/quarantine.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'

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

// A quarantine that takes nothing for a second is asked again later: until then the message waits elsewhere.
const HOW = { mandatory: true, patience: 1_000 }

/** What setting aside takes. */
export interface QuarantineParts {
  readonly publisher: Publisher
  /** Declares the quarantine of a task queue. */
  readonly declare: (queue: string) => Promise<unknown>
  readonly node: string
  /** Hears of each message that was set aside. */
  readonly onTaken: (task: string | undefined) => void
  readonly clock: Clock
}

/** Sets messages aside in `<queue>.quarantine`, with their bytes and the story of how they got there. */
export class Quarantine {
  readonly #parts: QuarantineParts
  /** Declarations under way, by the task queue. */
  readonly #declaring = new Map<string, Promise<unknown>>()

  constructor(parts: QuarantineParts) {
    this.#parts = parts
  }

  /**
   * Resolves once the broker has the copy; the original may then be acknowledged. A quarantine that was deleted is declared
   * again. Rejects when the broker has no copy: keep the original.
   */
  async take(delivery: Delivery, queue: string, reason: QuarantineReason): Promise<void> {
    const { node, clock, onTaken } = this.#parts
    const { type, detail, id, task, starts } = reason
    const { route, redelivered } = delivery
    const facts = { queue, route, redelivered, type, detail, id, task, starts, node, now: clock.now() }
    const place = placeOfTable(delivery)
    try {
      await this.#publish(quarantineMessage(delivery, facts, place), queue)
    } catch (error) {
      if (!isForItsForm(error)) throw error
      const other = place === 'body' ? 'headers' : 'body'
      await this.#publish(quarantineMessage(delivery, facts, other), queue)
    }
    onTaken(task)
  }

  async #publish(outgoing: Outgoing, queue: string): Promise<void> {
    const { publisher } = this.#parts
    if ((await publisher.publish(outgoing, HOW)) === 'confirmed') return
    await this.#declare(queue)
    if ((await publisher.publish(outgoing, HOW)) === 'confirmed') return
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `the queue ${outgoing.route.routingKey} does not exist`)
  }

  /** Once for all that need it now. */
  async #declare(queue: string): Promise<void> {
    let declaring = this.#declaring.get(queue)
    if (declaring === undefined) {
      declaring = this.#parts.declare(queue).finally(() => this.#declaring.delete(queue))
      this.#declaring.set(queue, declaring)
    }
    await declaring
  }
}

/** The broker did not take the form: its headers don't fit into a frame, or made it close the channel, as too large a body does. */
function isForItsForm(error: unknown): boolean {
  if (TwqError.is(error, 'TWQ_UNSERIALISABLE')) return true
  return TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && error.cause !== undefined
}
