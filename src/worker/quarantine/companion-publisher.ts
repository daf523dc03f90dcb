import type { Publisher } from '../../broker/publisher.ts'
import { TwqError } from '../../errors.ts'
import { placeOfTable, type TablePlace } from '../../protocol/headers/quarantine.ts'
import type { Outgoing, WireMessage } from '../../protocol/wire.ts'

// A queue that does not accept a message within a second is retried later: until then the message waits elsewhere.
const HOW = { mandatory: true, patience: 1_000 }

/** The parts that publishing copies works with. */
export interface CompanionPublisherParts {
  readonly publisher: Publisher
  /** Declares the queue beside a task queue. */
  readonly declare: (queue: string) => Promise<unknown>
}

/** Creates the copy, with the header table of the original in this place. */
export type CopyOf = (place: TablePlace) => Outgoing

/** Is called once with the outcome of a copy. */
export interface CopyListener {
  /** The broker has it. */
  confirmed(): void
  /** The broker does not have it. */
  refused(error: unknown): void
}

/** Publishes copies of messages to a companion queue, which is declared again if it was deleted. */
export class CompanionPublisher {
  readonly #parts: CompanionPublisherParts
  /** Declarations under way, by the task queue. */
  readonly #declaring = new Map<string, Promise<unknown>>()

  constructor(parts: CompanionPublisherParts) {
    this.#parts = parts
  }

  /**
   * Resolves once the broker has the copy of `message` made by `copyOf`: in the other form if the first was not accepted. Rejects
   * if the broker has no copy.
   */
  publish(message: WireMessage, queue: string, copyOf: CopyOf): Promise<void> {
    return new Promise((confirmed, refused) => this.post(message, queue, copyOf, { confirmed, refused }))
  }

  /**
   * The same without a promise, if the broker accepts the first form. If `copyOf` throws, so does this, without calling the
   * listener.
   */
  post(message: WireMessage, queue: string, copyOf: CopyOf, listener: CopyListener): void {
    const place = placeOfTable(message)
    const outgoing = copyOf(place)
    const otherwise = (first: Promise<void>): void => {
      first
        .catch((error: unknown) => {
          if (!isForItsForm(error)) throw error
          return this.#publish(copyOf(place === 'body' ? 'headers' : 'body'), queue)
        })
        .then(
          () => listener.confirmed(),
          (error: unknown) => listener.refused(error),
        )
    }
    this.#parts.publisher.post(outgoing, HOW, {
      confirmed: (answer) => {
        if (answer === 'confirmed') listener.confirmed()
        else otherwise(this.#publishDeclared(outgoing, queue))
      },
      refused: (error) => otherwise(Promise.reject(error)),
    })
  }

  async #publish(outgoing: Outgoing, queue: string): Promise<void> {
    if ((await this.#parts.publisher.publish(outgoing, HOW)) === 'confirmed') return
    await this.#publishDeclared(outgoing, queue)
  }

  async #publishDeclared(outgoing: Outgoing, queue: string): Promise<void> {
    await this.#declare(queue)
    if ((await this.#parts.publisher.publish(outgoing, HOW)) === 'confirmed') return
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `the queue ${outgoing.route.routingKey} does not exist`)
  }

  /** Declares it once for all callers that wait for it. */
  async #declare(queue: string): Promise<void> {
    let declaring = this.#declaring.get(queue)
    if (declaring === undefined) {
      declaring = this.#parts.declare(queue).finally(() => this.#declaring.delete(queue))
      this.#declaring.set(queue, declaring)
    }
    await declaring
  }
}

/**
 * The broker did not accept this form: its headers don't fit into a frame, or made it close the channel, as a too large body
 * does.
 */
function isForItsForm(error: unknown): boolean {
  if (TwqError.is(error, 'TWQ_UNSERIALISABLE')) return true
  return TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && error.cause !== undefined
}
