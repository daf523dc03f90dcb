import type { KeptFailures } from '../../config/options/failures.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'

/** What telling of full queues takes. */
export interface FullFailuresParts {
  readonly failures: KeptFailures | 'drop'
  /** How many messages are ready in the queue of failures of a task queue. */
  readonly count: (queue: string) => Promise<number>
  readonly clock: Clock
  readonly logger: EventLogger
}

interface Looked {
  /** On the clock's monotonic scale. */
  readonly at: number
  /** How many more it held then; less those that were kept since. */
  room: number
}

// Milliseconds.
const LOOKED_EVERY = 60_000
const FULL_ALREADY = Number.NEGATIVE_INFINITY

/**
 * Tells of queues of failures that hold as many as they may, so that their oldest leave: by the queue's own count, which is
 * asked for when this worker may have filled it, and at most once a minute where it is full.
 */
export class FullFailures {
  readonly #parts: FullFailuresParts
  readonly #looked = new Map<string, Looked>()

  constructor(parts: FullFailuresParts) {
    this.#parts = parts
  }

  /** One more failure of a task queue is kept. Asks in the background, and never throws. */
  kept(queue: string): void {
    const { failures, clock } = this.#parts
    if (failures === 'drop') return
    const known = this.#looked.get(queue)
    if (known !== undefined) {
      known.room -= 1
      const rested = clock.monotonic() - known.at >= LOOKED_EVERY
      if (!rested && (known.room > 0 || known.room === FULL_ALREADY)) return
    }
    const looked = { at: clock.monotonic(), room: Number.POSITIVE_INFINITY }
    this.#looked.set(queue, looked)
    void this.#look(queue, failures.keep, looked)
  }

  async #look(queue: string, keep: number, looked: Looked): Promise<void> {
    try {
      const messages = await this.#parts.count(queue)
      if (messages < keep) {
        looked.room = keep - messages
        return
      }
      looked.room = FULL_ALREADY
      const fields = { queue: failedQueue(queue), messages, keep }
      this.#parts.logger.warn({ event: 'failures.full', ...fields }, FULL)
    } catch {
      // Asked again in a minute.
    }
  }
}

const FULL = 'as many failed tasks are kept as may be: the oldest leave'
