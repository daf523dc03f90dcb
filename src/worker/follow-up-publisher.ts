import type { Publisher } from '../broker/publisher.ts'
import type { FollowUp } from '../canvas/apply.ts'
import type { DeclaredQueues } from '../client/declared-queues.ts'
import { TwqError } from '../errors.ts'

/** Messages that wait for their confirms at once: far below what the publisher takes. */
const BATCH = 1_000

/** Publishes the messages that follow from a task. */
export class FollowUpPublisher {
  readonly #publisher: Publisher
  readonly #queues: Pick<DeclaredQueues, 'has' | 'declare' | 'forget'>

  constructor(publisher: Publisher, queues: Pick<DeclaredQueues, 'has' | 'declare' | 'forget'>) {
    this.#publisher = publisher
    this.#queues = queues
  }

  /**
   * Resolves once the broker has confirmed every one of them. Rejects with `TWQ_PUBLISH_UNROUTABLE` for one that reached
   * no queue, `TWQ_QUEUE_MISSING` for one to an exchange that there is not, `TWQ_BROKER_PERMISSION` or
   * `TWQ_PUBLISH_REFUSED` for one the broker would not take, or with what made it give up; some of the others may be on
   * their way then.
   */
  async publish(followUps: readonly FollowUp[]): Promise<void> {
    for (let start = 0; start < followUps.length; start += BATCH) {
      await Promise.all(followUps.slice(start, start + BATCH).map((followUp) => this.#publishOne(followUp)))
    }
  }

  async #publishOne({ id, task, queue, outgoing }: FollowUp): Promise<void> {
    if (!this.#queues.has(queue)) await this.#declare(queue)
    if ((await this.#publisher.publish(outgoing, { mandatory: true })) === 'confirmed') return
    // The queue is gone since it was declared.
    this.#queues.forget(queue)
    await this.#declare(queue)
    if ((await this.#publisher.publish(outgoing, { mandatory: true })) === 'confirmed') return
    const { exchange, routingKey } = outgoing.route
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `${task}[${id}] reached no queue`, {
      hint: `Is a queue bound to exchange "${exchange}" with key "${routingKey}"?`,
    })
  }

  /** A queue that can't be declared, one locked by its owner say, may still take messages: publishing tells. */
  async #declare(queue: string): Promise<void> {
    try {
      await this.#queues.declare(queue)
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_CHANNEL_CLOSED', 'TWQ_QUEUE_MISMATCH', 'TWQ_QUEUE_MISSING')) throw error
    }
  }
}
