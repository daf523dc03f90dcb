import type { Delivery } from '../../broker/broker.ts'
import { readMarks } from '../../protocol/headers/suspect.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { ExpiringSet } from '../../runtime/time/expiring-set.ts'
import type { AttemptKey } from './recent-acks.ts'

// As long as the broker may still redeliver a message that has been settled.
const MEMORY = { limit: 10_000, lifetime: 24 * 3_600_000, time: 'monotonic' } as const
// As above, for a message that was to be acknowledged with another of the same task.
const BRIEF_MEMORY = { limit: 10_000, lifetime: 3_600_000, time: 'monotonic' } as const

/**
 * Attempts that ended here although their message may arrive once more: because its acknowledgement was lost, or because a copy
 * of it was made and the acknowledgement of the original was lost. Such a message is acknowledged without running.
 */
export class FinishedAttempts {
  readonly #unacknowledged: ExpiringSet
  readonly #acknowledged: ExpiringSet
  readonly #originals: ExpiringSet
  /** The outcomes of attempts whose messages could not be set aside yet. */
  readonly #unquarantined = new Map<string, string>()
  readonly #logger: EventLogger
  #lostAcks = 0

  constructor(clock: Clock, logger: EventLogger) {
    this.#logger = logger
    this.#unacknowledged = new ExpiringSet(clock, MEMORY)
    this.#acknowledged = new ExpiringSet(clock, BRIEF_MEMORY)
    this.#originals = new ExpiringSet(clock, BRIEF_MEMORY)
  }

  /** How many acknowledgements came too late. */
  get lostAcks(): number {
    return this.#lostAcks
  }

  /** The outcome of this message is stored, and it was acknowledged; the original or a copy of it may still arrive. */
  addAcknowledged(message: AttemptKey): void {
    this.#acknowledged.add(keyOf(message))
  }

  /** The outcome of this message is stored, but it can't be acknowledged any more. */
  addUnacknowledged(message: TaskMessage): void {
    this.#lostAcks += 1
    this.#unacknowledged.add(keyOf(message))
  }

  /** A copy replaced this message, whose acknowledgement was lost: it must not run beside the copy. */
  addOriginal(message: TaskMessage, delivery: Delivery): void {
    this.#originals.add(versionOf(message, delivery))
  }

  /** The message must be set aside with the outcome of its attempt; until `quarantined`, it may arrive again. */
  addUnquarantined(message: AttemptKey, ended: string): void {
    this.#unquarantined.set(keyOf(message), ended)
    const [oldest] = this.#unquarantined.keys()
    if (oldest !== undefined && this.#unquarantined.size > MEMORY.limit) this.#unquarantined.delete(oldest)
  }

  /** See `addUnquarantined`. */
  quarantined(message: AttemptKey): void {
    this.#unquarantined.delete(keyOf(message))
  }

  /** The outcome of the attempt of a message that arrived again and only has to be set aside; undefined for any other. */
  endOf(message: AttemptKey): string | undefined {
    return this.#unquarantined.size === 0 ? undefined : this.#unquarantined.get(keyOf(message))
  }

  /** Acknowledges a message that needs no further work; false for any other. */
  acknowledge(delivery: Delivery, message: TaskMessage, queue: string): boolean {
    const fields = { task_id: message.id, task: message.task, queue }
    if (this.#hasOriginal(message, delivery)) {
      delivery.ack()
      this.#logger.info({ event: 'task.copied-before', ...fields }, 'a copy has taken its place already; not run')
      return true
    }
    const key = keyOf(message)
    if (!this.#unacknowledged.has(key) && !this.#acknowledged.has(key)) return false
    delivery.ack()
    this.#logger.info({ event: 'task.finished-before', ...fields }, 'the task has ended here already; not run again')
    return true
  }

  /** A message that is not redelivered is a new one with the id of a finished task, and runs however often it is sent. */
  forget(message: TaskMessage): void {
    if (this.#unacknowledged.size + this.#acknowledged.size + this.#unquarantined.size === 0) return
    const key = keyOf(message)
    this.#unquarantined.delete(key)
    this.#unacknowledged.delete(key)
    this.#acknowledged.delete(key)
  }

  #hasOriginal(message: TaskMessage, delivery: Delivery): boolean {
    return delivery.redelivered && this.#originals.size > 0 && this.#originals.has(versionOf(message, delivery))
  }
}

/** Identifies one attempt: a retry has the same id, and so have a task's replacement and a failed task run again by hand. */
function keyOf({ id, retries, replacedTaskNesting, rerun }: AttemptKey): string {
  return `${retries} ${replacedTaskNesting} ${rerun} ${id}`
}

/** Identifies one copy of its message, by the last line of its history. */
function versionOf(message: TaskMessage, { headers }: Delivery): string {
  return `${keyOf(message)} ${readMarks(headers).history.at(-1) ?? ''}`
}
