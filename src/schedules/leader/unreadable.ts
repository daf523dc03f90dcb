import type { Delivery } from '../../broker/broker.ts'
import { messageOf } from '../../errors.ts'
import { placeOfTable, quarantineMessage } from '../../protocol/headers/quarantine.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { cutText } from '../../runtime/text/cut-text.ts'
import type { Clock } from '../../runtime/time/clock.ts'

/** The parts that setting aside works with. */
export interface UnreadableParts {
  /** Resolves once the broker has the message, or returned it. */
  readonly publish: (outgoing: Outgoing) => Promise<'confirmed' | 'returned'>
  readonly queue: string
  readonly node: string
  /** Makes the quarantine of the queue where it is missing. */
  readonly declareQuarantine: () => Promise<unknown>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Messages that are held while the quarantine takes none: beyond so many the leader would be given nothing else. */
const MOST_HELD = 1_000

interface Unread {
  readonly delivery: Delivery
  readonly detail: string
}

/**
 * Messages of the queue of schedules that can't be read. Each goes into the quarantine; while that takes none, a thousand of them stay
 * unacknowledged and are tried again, and the others are rejected for good. Nothing waits for this, and nothing ends by it.
 */
export class Unreadable {
  readonly #parts: UnreadableParts
  #held: Unread[] = []
  #declaring: Promise<unknown> | undefined

  constructor(parts: UnreadableParts) {
    this.#parts = parts
  }

  /** Sets a message aside. */
  setAside(delivery: Delivery, reason: string): void {
    void this.#put({ delivery, detail: cutText(reason) })
  }

  /** Tries again with what is held. */
  tryAgain(): void {
    const held = this.#held
    this.#held = []
    for (const one of held) void this.#put(one)
  }

  async #put(unread: Unread): Promise<void> {
    const { delivery, detail } = unread
    const error = await this.#quarantine(unread)
    if (!delivery.alive) return
    if (error === undefined) delivery.ack()
    else if (this.#held.length < MOST_HELD) this.#held.push(unread)
    else delivery.nack({ requeue: false })
    const { queue, logger } = this.#parts
    logger.error({ event: 'schedules.malformed', queue, detail, error }, "a message about schedules can't be read")
  }

  /** Resolves with why the quarantine has not taken it, where that is so. */
  async #quarantine({ delivery, detail }: Unread): Promise<string | undefined> {
    const { publish, queue, node, clock, declareQuarantine } = this.#parts
    const { route, redelivered } = delivery
    const why = { type: 'InvalidScheduleError', detail, id: undefined, task: undefined, starts: undefined }
    const facts = { queue, route, redelivered, ...why, node, now: clock.now() }
    try {
      const outgoing = quarantineMessage(delivery, facts, placeOfTable(delivery))
      if ((await publish(outgoing)) === 'confirmed') return undefined
      this.#declaring ??= declareQuarantine().finally(() => {
        this.#declaring = undefined
      })
      await this.#declaring
      const taken = await publish(outgoing)
      return taken === 'confirmed' ? undefined : `the queue ${outgoing.route.routingKey} does not exist`
    } catch (error) {
      return messageOf(error)
    }
  }
}
