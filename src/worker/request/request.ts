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

/** Where a request is in its life: waiting for its eta, waiting for its turn by a rate limit, waiting for a slot, running, finishing, done. */
export type RequestState = 'held' | 'limited' | 'reserved' | 'active' | 'settling' | 'settled'

/** What a request tells of a message that goes back: each of these fields, though a message without a request may lack it. */
type ToldOfItsMessage = Required<Omit<HeldMessage, 'ended'>>

/** One delivery in our hands: what it asks for, when things happened, and the one right to settle it. */
export class Request implements ToldOfItsMessage {
  readonly delivery: Delivery
  readonly message: TaskMessage
  readonly task: AnyTask
  readonly queue: string
  readonly acks: 'late' | 'early'
  readonly invocation: Invocation
  /** The consumer that brought it. */
  readonly source: DeliverySource
  /** How often it came back only because this process lost the channel that it held it on. */
  lostWithConnection = 0
  state: RequestState = 'reserved'
  /** Where the prefetch count makes up for it while it waits. */
  prefetchSlot: Place | undefined
  /** Milliseconds since the epoch when it was taken in. */
  receivedAt: number | undefined
  /** Milliseconds since the epoch when user code was about to run. */
  startedAt: number | undefined
  /** True once the broker was told that it may forget the message. */
  acknowledged = false
  /** True once another delivery of its message came, before this one was settled. */
  hasTwin = false
  /** True once its message is on its way back to its queue, not run to its end. */
  givenBack = false
  /** The number of the signal by which a revocation asked the running attempt to stop. */
  terminatedBy: number | undefined
  /** The outcome that monitors were told of before its message went back. */
  announcedOutcome: Outcome | undefined
  /** The steps of its settlement that are done; undefined where no step needs to be remembered for another try. */
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

  /** The steps of its settlement that are done, remembered from the first use on. */
  get remembered(): Progress {
    this.progress ??= new Progress()
    return this.progress
  }

  /** What the attempt listens to. */
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

  /** Asks the attempt to stop, because its task was revoked: however it ends now, short of success, that is how it ended. */
  terminate(signum: number): void {
    this.terminatedBy = signum
    this.abort(new TwqError('TWQ_REVOKED', `the task ${this.message.id} was revoked`))
  }

  /** Whether the result is not stored: as the message says, else as the task does. */
  get ignoresResult(): boolean {
    return this.message.ignoreResult ?? this.task.settings.ignoreResult ?? false
  }

  /** Whether another delivery of its message may be here, or may have ended here. */
  get mayBeTwin(): boolean {
    return this.invocation.redelivered || this.hasTwin
  }

  /** True when the broker took the message back with its channel, and will deliver it again. */
  get takenBack(): boolean {
    return !this.acknowledged && !this.delivery.alive
  }

  /** Acknowledges once; false when there was nothing to acknowledge any more. */
  acknowledge(): boolean {
    if (this.acknowledged) return false
    if (!this.delivery.ack()) return false
    this.acknowledged = true
    return true
  }

  /**
   * Returns the message to its queue, unless it is acknowledged or gone already. The broker calls it redelivered then, as
   * if its worker had died: a message that was not run goes back by `Republisher.giveBack`.
   */
  requeue(): boolean {
    if (this.acknowledged) return false
    return this.delivery.nack({ requeue: true })
  }

  /** Has the broker drop the message, or dead-letter it where the queue says so. */
  drop(): boolean {
    if (this.acknowledged) return false
    return this.delivery.nack({ requeue: false })
  }
}
