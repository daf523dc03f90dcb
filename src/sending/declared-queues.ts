import type { Session } from '../broker/session.ts'
import { declareTaskQueue, type TopologyDifference } from '../broker/topology.ts'
import { TwqError } from '../errors.ts'
import { isQuorum } from '../protocol/queue/task-queue.ts'
import type { Router } from './router.ts'

/** Beyond these the oldest are forgotten, and declared again: their names may come from messages. */
const MOST_QUEUES = 10_000

// A broker may close each connection over the declaration itself.
const MOST_TRIES = 10

/** The queues that senders publish to: each is declared once, as Celery's producers do. */
export class DeclaredQueues {
  readonly #session: Pick<Session, 'withChannel'>
  readonly #router: Pick<Router, 'queueNamed'>
  /** The queues that were declared, or are being. */
  readonly #declared = new Map<string, Promise<void>>()
  readonly #ready = new Set<string>()
  readonly #quorum = new Set<string>()

  constructor(session: Pick<Session, 'withChannel'>, router: Pick<Router, 'queueNamed'>) {
    this.#session = session
    this.#router = router
  }

  /** True once the queue was declared: so it is for all but the first message. */
  has(queue: string): boolean {
    return this.#ready.has(queue)
  }

  /** Whether it turned out to be a quorum queue. */
  isQuorum(queue: string): boolean {
    return this.#quorum.has(queue)
  }

  /** Declares a queue once, waiting for a connection where there is none; a failed attempt leaves no trace. */
  declare(queue: string): Promise<void> {
    const known = this.#declared.get(queue)
    if (known !== undefined) return known
    const [oldest] = this.#declared.size < MOST_QUEUES ? [] : this.#declared.keys()
    if (oldest !== undefined) this.forget(oldest)
    const declared = this.#declareOrTrust(queue)
    this.#declared.set(queue, declared)
    declared.then(
      () => this.#ready.add(queue),
      () => this.forget(queue),
    )
    return declared
  }

  /** The queue is gone since: another broker behind the same address, or it was deleted. */
  forget(queue: string): void {
    this.#declared.delete(queue)
    this.#ready.delete(queue)
    this.#quorum.delete(queue)
  }

  /**
   * A queue of another shape is used as it is, and one that this user may not declare is taken to exist: publishing tells. A
   * declaration that a lost connection interrupted is repeated over the next one: nothing was sent yet.
   */
  async #declareOrTrust(queue: string): Promise<void> {
    const declared = this.#router.queueNamed(queue)
    if (isQuorum(declared)) this.#quorum.add(queue)
    const onDifference = ({ kind, argument, found }: TopologyDifference): void => {
      if (kind === 'queue' && argument === 'x-queue-type' && found === 'quorum') this.#quorum.add(queue)
    }
    for (let tries = 1; ; tries += 1) {
      try {
        // Publishing tells whether it is bound.
        await declareTaskQueue(this.#session, declared, onDifference, { onUnbound: () => {} })
        return
      } catch (error) {
        if (TwqError.is(error, 'TWQ_BROKER_PERMISSION')) return
        if (!TwqError.is(error, 'TWQ_CONNECTION_LOST') || tries === MOST_TRIES) throw error
      }
    }
  }
}
