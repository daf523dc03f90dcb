import type { TaskMessage } from '../protocol/task-message.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { ExpiringSet } from '../runtime/expiring-set.ts'
import type { Request } from './request.ts'

// For as long as the broker may keep a message that has been dealt with.
const MEMORY = { limit: 10_000, lifetime: 24 * 3_600_000 }

/**
 * Attempts whose messages the broker took back, with a lost channel, while they ran. Here they go on: a message that comes
 * back waits for its attempt, and is acknowledged unrun when that ended well enough to be acknowledged.
 */
export class Orphans {
  readonly #running = new Map<string, Deferred<void>>()
  readonly #finished: ExpiringSet
  #lostAcks = 0

  constructor(clock: Clock) {
    this.#finished = new ExpiringSet(clock, MEMORY)
  }

  /** How many acknowledgements came too late. */
  get lostAcks(): number {
    return this.#lostAcks
  }

  /** A channel is gone: of what it brought, this request runs on. */
  add({ message }: Request): void {
    const key = keyOf(message)
    if (!this.#running.has(key)) this.#running.set(key, deferred())
  }

  /** Resolves when the attempt for this message is over; undefined when none runs. */
  running(message: TaskMessage): Promise<void> | undefined {
    return this.#running.get(keyOf(message))?.promise
  }

  /** Its outcome is safe, and can't be acknowledged any more. */
  finished({ message }: Request): void {
    this.#lostAcks += 1
    this.#finished.add(keyOf(message))
  }

  /** Whether there is nothing left to do for this message. */
  hasFinished(message: TaskMessage): boolean {
    return this.#finished.has(keyOf(message))
  }

  /** An attempt is over, whatever became of it. */
  ended({ message }: Request): void {
    const key = keyOf(message)
    this.#running.get(key)?.resolve()
    this.#running.delete(key)
  }
}

/** One attempt: a retry has the same id. */
function keyOf({ id, retries }: TaskMessage): string {
  return `${retries} ${id}`
}
