import type { Publisher } from '../../broker/publisher.ts'
import { TwqError } from '../../errors.ts'
import { placeOfTable, type TablePlace } from '../../protocol/headers/quarantine.ts'
import type { Outgoing, WireMessage } from '../../protocol/wire.ts'

// A queue that takes nothing for a second is asked again later: until then the message waits elsewhere.
const HOW = { mandatory: true, patience: 1_000 }

/** What publishing copies takes. */
export interface CompanionPublisherParts {
  readonly publisher: Publisher
  /** Declares the queue beside a task queue. */
  readonly declare: (queue: string) => Promise<unknown>
}

/** Publishes copies of messages to a queue beside their task queue, which is declared again where it was deleted. */
export class CompanionPublisher {
  readonly #parts: CompanionPublisherParts
  /** Declarations under way, by the task queue. */
  readonly #declaring = new Map<string, Promise<unknown>>()

  constructor(parts: CompanionPublisherParts) {
    this.#parts = parts
  }

  /**
   * Resolves once the broker has the copy of `message` that `copyOf` makes: in its other form where it did not take the first.
   * Rejects when the broker has no copy.
   */
  async publish(message: WireMessage, queue: string, copyOf: (place: TablePlace) => Outgoing): Promise<void> {
    const place = placeOfTable(message)
    try {
      await this.#publish(copyOf(place), queue)
    } catch (error) {
      if (!isForItsForm(error)) throw error
      await this.#publish(copyOf(place === 'body' ? 'headers' : 'body'), queue)
    }
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
