import type { Delivery } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import { sharedAbort } from '../../runtime/time/shared-abort.ts'
import type { Invocation } from '../../tasks/attempt/invocation.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { AnyTask } from '../../tasks/task.ts'
import type { DeliverySource } from '../quarantine/poison-policy.ts'
import type { HeldMessage } from '../quarantine/republisher.ts'
import type { Place } from './prefetch.ts'
import { Progress } from './progress.ts'

/** The state of a request: waiting for its ETA, for its rate limit, or for a slot; running, finishing, done. */
export type RequestState = 'held' | 'limited' | 'reserved' | 'active' | 'settling' | 'settled'

/** The information about a message that is returned: all of these fields, of which a message without a request may lack some. */
type ToldOfItsMessage = Required<Omit<HeldMessage, 'ended'>>

/** One delivery in hand: what it asks for, its timestamps, and the exclusive right to settle it. */
export class Request implements ToldOfItsMessage {
  readonly delivery: Delivery
  readonly message: TaskMessage
  readonly task: AnyTask
  readonly queue: string
  readonly acks: 'late' | 'early'
  readonly invocation: Invocation
  /** The consumer that brought it. */
  readonly source: DeliverySource
  /** How often it was redelivered only because this process lost the channel of the delivery. */
  lostWithConnection = 0
  state: RequestState = 'reserved'
  /** The place in the prefetch count that is added for it while it waits. */
  prefetchSlot: Place | undefined
  /** Milliseconds since the epoch when it was received. */
  receivedAt: number | undefined
  /** Milliseconds since the epoch when user code was about to start. */
  startedAt: number | undefined
  /** True once the broker was told that the message is settled. */
  acknowledged = false
  /** True once another delivery of its message arrived before this one was settled. */
  hasTwin = false
  /** True once its message is being returned to its queue before the task has completed. */
  givenBack = false
  /** The number of the signal by which a revocation asked the running attempt to stop. */
  terminatedBy: number | undefined
  /** The outcome that monitors were told before its message was returned. */
  announcedOutcome: Outcome | undefined
  /** The completed steps of its settlement; undefined if no step must be remembered for another attempt. */
  progress: Progress | undefined
  #abort: AbortController | undefined

  constructor(
    delivery: Delivery,
    task: AnyTask,
    acks: 'late' | 'early',
    invocation: Invocation,
    source: DeliverySource = 'tasks',
  ) {
    this.delivery = delivery
    this.message = invocation.message
    this.task = task
    this.queue = invocation.queue
    this.acks = acks
    this.invocation = invocation
    this.source = source
  }

  /** The completed steps of its settlement, recorded from the first use on. */
  get remembered(): Progress {
    this.progress ??= new Progress(() => this.otherRunMaySend)
    return this.progress
  }

  /** The abort signal of the attempt. */
  get signal(): AbortSignal {
    this.#abort ??= sharedAbort()
    return this.#abort.signal
  }

  /** Whether the attempt was asked to stop. */
  get aborted(): boolean {
    return this.#abort?.signal.aborted === true
  }

  /** Asks the attempt to stop. */
  abort(reason: Error): void {
    this.#abort ??= sharedAbort()
    this.#abort.abort(reason)
  }

  /** Asks the attempt to stop because its task was revoked: unless it succeeds, its outcome is then the revocation. */
  terminate(signum: number): void {
    this.terminatedBy = signum
    this.abort(new TwqError('TWQ_REVOKED', `the task ${this.message.id} was revoked`))
  }

  /** Whether the result is not stored: from the message, else from the task's settings. */
  get ignoresResult(): boolean {
    return this.message.ignoreResult ?? this.task.settings.ignoreResult ?? false
  }

  /** Whether another delivery of its message may be in hand, or may have ended here. */
  get mayBeTwin(): boolean {
    return this.invocation.redelivered || this.hasTwin
  }

  /** Whether the attempt of another delivery may send what this one sends: its message was delivered before, or will be again. */
  get otherRunMaySend(): boolean {
    return this.invocation.redelivered || this.takenBack
  }

  /** True if the broker took the message back with its channel, and will redeliver it. */
  get takenBack(): boolean {
    return !this.acknowledged && !this.delivery.alive
  }

  /** Acknowledges once; false if there was nothing to acknowledge any more. */
  acknowledge(): boolean {
    if (this.acknowledged) return false
    if (!this.delivery.ack()) return false
    this.acknowledged = true
    return true
  }

  /**
   * Returns the message to its queue, unless it is acknowledged or already gone. The broker then marks it as redelivered, as if
   * its worker had died: a message that was not run is returned by `Republisher.giveBack` instead.
   */
  requeue(): boolean {
    if (this.acknowledged) return false
    return this.delivery.nack({ requeue: true })
  }

  /** Makes the broker drop the message, or dead-letter it if the queue is configured for that. */
  drop(): boolean {
    if (this.acknowledged) return false
    return this.delivery.nack({ requeue: false })
  }
}
