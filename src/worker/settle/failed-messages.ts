import type { Delivery } from '../../broker/broker.ts'
import type { Publisher } from '../../broker/publisher.ts'
import { type KeptFailures, keepsFailuresOf } from '../../config/options/failures.ts'
import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { failedMessage, firstErrorOf, type KeptPart } from '../../protocol/headers/failed.ts'
import type { TablePlace } from '../../protocol/headers/quarantine.ts'
import { withHeadersAsBytes } from '../../protocol/headers/raw-headers.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import type { FailedLimits } from '../../queues/companions.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { OnceAMinute } from '../../runtime/time/once-a-minute.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import { mayNotPublish, troubleOf } from '../follow-ups/trouble.ts'
import { CompanionPublisher, type CopyListener } from '../quarantine/companion-publisher.ts'
import { FullFailures } from './full-failures.ts'

/** A permanently failed task, and its message. */
export interface Failure {
  readonly delivery: Delivery
  readonly message: TaskMessage
  readonly queue: string
  /** When its code started, in milliseconds since the epoch; undefined if it did not, or if that is not known any more. */
  readonly startedAt: number | undefined
  /** The kind of outcome that ended it. */
  readonly outcome: string
  readonly type: string
  readonly detail: string
  readonly traceback: string | null
}

/** Is called once with whether a failure is kept, possibly before the call that keeps it returns. */
export interface KeepListener {
  /** True: the broker has the copy. False: its queue does not accept it. */
  kept(isKept: boolean): void
  /** It is unknown whether the broker has the copy. */
  refused(error: unknown): void
}

/** The parts that keeping failures works with. */
export interface FailedMessagesParts {
  readonly failures: KeptFailures | 'drop'
  readonly registry: Pick<TaskRegistry, 'get'>
  readonly publisher: Publisher
  /** Declares the queue of failures of a task queue. */
  readonly declare: (queue: string) => Promise<unknown>
  /** The number of ready messages in the queue of failures of a task queue. */
  readonly count: (queue: string) => Promise<number>
  /** The limits of that queue, as far as the broker reports them. */
  readonly limits: (queue: string) => Promise<FailedLimits>
  readonly node: string
  /** Called for each failure that is kept. */
  readonly onKept: (task: string) => void
  readonly clock: Clock
  readonly logger: EventLogger
}

// A refused declaration or publish closes a channel: after one, this queue is not tried again for so many milliseconds.
const REFUSED_FOR = 10_000

/** Keeps the messages of failed tasks in `<queue>.failed`, with their original bytes and the record of their attempts. */
export class FailedMessages {
  readonly #parts: FailedMessagesParts
  readonly #copies: CompanionPublisher
  readonly #full: FullFailures
  /** By task queue, until when its queue of failures is not tried again, and why. */
  readonly #refusing = new Map<string, { readonly until: number; readonly error: unknown }>()
  readonly #notKeptLine: OnceAMinute<{
    readonly id: string
    readonly task: string
    readonly queue: string
    readonly error: unknown
  }>

  constructor(parts: FailedMessagesParts) {
    this.#parts = parts
    this.#copies = new CompanionPublisher(parts)
    this.#full = new FullFailures(parts)
    this.#notKeptLine = new OnceAMinute(parts.clock, ({ id, task, queue, error }, times) => {
      const fields = { task_id: id, task, queue, times, error: messageOf(error), hint: hintOf(error) }
      const event = 'failure.not-kept'
      parts.logger.warn({ event, ...fields }, 'the message of a failed task could not be kept')
    })
  }

  /** Which part of a task's failed message is kept, by the task's name; undefined for none. */
  partOf(task: string): KeptPart | undefined {
    const keepFailed = this.#parts.registry.get(task)?.settings.keepFailed
    if (keepFailed === false || !keepsFailuresOf(task, this.#parts.failures)) return undefined
    return keepFailed === 'headers' ? 'headers' : 'whole'
  }

  /** Which part is kept of a message that must be kept in any case: its headers only, if its task sets `keepFailed`. */
  leastOf(task: string): KeptPart {
    return this.#parts.registry.get(task)?.settings.keepFailed === undefined ? 'whole' : 'headers'
  }

  /**
   * Publishes a copy of a failed message, and calls `kept(true)` once the broker has it. If its queue does not take it, calls
   * `kept(false)` and logs a warning, once a minute. Calls `refused` only if the connection is lost, the worker stops, or its user
   * may not publish at all: it is not known then whether the broker has the copy.
   */
  keep(failure: Failure, part: KeptPart, listener: KeepListener): void {
    const { queue } = failure
    const refusing = this.#refusing.get(queue)
    if (refusing !== undefined && this.#parts.clock.monotonic() < refusing.until) {
      listener.kept(this.#notKept(failure, refusing.error))
      return
    }
    this.#post(failure, part, {
      confirmed: () => {
        if (this.#refusing.size > 0) this.#refusing.delete(queue)
        listener.kept(true)
      },
      refused: (error) => this.#refused(failure, error, listener),
    })
  }

  /** Resolves once the broker has the copy; rejects if it does not: keep the original. */
  take(failure: Failure, part: KeptPart): Promise<void> {
    return new Promise((confirmed, refused) => this.#post(failure, part, { confirmed, refused }))
  }

  #post(failure: Failure, part: KeptPart, listener: CopyListener): void {
    const { clock, onKept } = this.#parts
    const { delivery, queue, message } = failure
    const now = clock.now()
    let size = 0
    const copyOf = (place: TablePlace): Outgoing => {
      const copy = this.#copyOf(failure, { part, place, now })
      size = copy.message.body.length + (copy.message.rawHeaders?.length ?? 0)
      return copy
    }
    try {
      this.#copies.post(delivery, queue, copyOf, {
        confirmed: () => {
          onKept(message.task)
          this.#full.kept(queue, size)
          listener.confirmed()
        },
        refused: (error) => listener.refused(error),
      })
    } catch (error) {
      listener.refused(error)
    }
  }

  #copyOf(
    { delivery, queue, message, startedAt, outcome, type, detail, traceback }: Failure,
    { part, place, now }: { part: KeptPart; place: TablePlace; now: number },
  ): Outgoing {
    const { failures, node } = this.#parts
    const { id, task, retries, replacedTaskNesting: nesting, rerun } = message
    const { route, redelivered } = delivery
    const first = firstErrorOf(delivery.headers, id)
    const story = { type, detail, traceback, outcome, startedAt, first, now }
    const facts = { ...story, id, task, retries, nesting, rerun, queue, route, redelivered, node }
    const expiration = failures === 'drop' ? undefined : failures.for
    return withHeadersAsBytes(failedMessage(delivery, facts, { part, expiration, place }))
  }

  #refused(failure: Failure, error: unknown, listener: KeepListener): void {
    if (troubleOf(error) === 'away' || mayNotPublish(error)) {
      listener.refused(error)
      return
    }
    const until = this.#parts.clock.monotonic() + REFUSED_FOR
    if (isOfTheQueue(error)) this.#refusing.set(failure.queue, { until, error })
    listener.kept(this.#notKept(failure, error))
  }

  /** Logs that a failure is not kept. */
  #notKept({ queue, message: { id, task } }: Failure, error: unknown): false {
    this.#notKeptLine.happened({ id, task, queue, error })
    return false
  }
}

/** Whether the next message would be refused too, because of the queue rather than this message. */
function isOfTheQueue(error: unknown): boolean {
  const trouble = troubleOf(error)
  if (trouble === 'never') return false
  return (
    trouble === 'forbidden' || TwqError.is(error, 'TWQ_PUBLISH_REFUSED', 'TWQ_PUBLISH_UNROUTABLE', 'TWQ_QUEUE_DOWN')
  )
}
