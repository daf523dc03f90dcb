import { randomUUID } from 'node:crypto'
import { type ApplyContext, chordUnsupported } from '../../canvas/apply.ts'
import { errbacksOf, type Failed, failureOfFollowUps, type MessagesToSend } from '../../canvas/follow-ups.ts'
import type { WithQueuedChords } from '../../canvas/queued-chords.ts'
import { messageOf } from '../../errors.ts'
import type { ResultTuple } from '../../protocol/chord/chord.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { ChordQueues } from '../../sending/chord-queues.ts'
import { allOver, Progress } from '../request/progress.ts'
import type { Cause, FollowUpPublisher } from './follow-up-publisher.ts'
import { mayNotPublish } from './trouble.ts'

/** The parts that sending what follows tasks works with. */
export interface FollowUpSenderParts {
  readonly publisher: FollowUpPublisher
  readonly results: ResultBackend
  readonly clock: Clock
  readonly logger: EventLogger
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where a task goes. */
  readonly address: ApplyContext['address']
  /** Limits the queues that the follow-ups of a message may declare; throws `TWQ_QUEUE_CREATION`. */
  readonly admitQueues?: (message: TaskMessage, queues: Iterable<string>) => void
  /** True: messages that a task sends inherit its priority. */
  readonly inheritPriority?: boolean
}

/** Sends applied signatures for the task that they follow: messages, chords, errbacks. */
export class FollowUpSender {
  readonly #parts: FollowUpSenderParts

  constructor(parts: FollowUpSenderParts) {
    this.#parts = parts
  }

  /** The context for applying signatures now. */
  context(): ApplyContext {
    const { clock, origin, address, inheritPriority = false } = this.#parts
    return { newId: randomUUID, now: clock.now(), origin, address, inheritPriority }
  }

  /**
   * Sends messages, once the result backend has their chords registered, which must precede the end of any of their tasks.
   * Resolves once all is confirmed.
   */
  async send({ chords, messages }: MessagesToSend, cause: Cause, progress = new Progress()): Promise<void> {
    const { results, publisher, admitQueues } = this.#parts
    if (messages.length > 0) admitQueues?.(cause.message, queuesOf(messages))
    if (chords.length > 0) {
      const { chord } = results
      if (chord === undefined) throw chordUnsupported()
      await progress.once('chords', () => allOver(chords.map((start) => chord.begin(start))))
    }
    await publisher.publish(messages, progress.confirmed, { ...cause, otherRunMaySend: progress.otherRunMaySend })
  }

  /** Sends tasks whose chords are joined from queues of their own, to which the tasks reply; those are declared first. */
  async sendQueued(
    { chordQueues, messages, joins }: WithQueuedChords,
    queues: Pick<ChordQueues, 'declare'>,
    asked: Cause,
    { confirmed, otherRunMaySend }: Progress,
  ): Promise<void> {
    const { publisher, admitQueues } = this.#parts
    const cause = { ...asked, otherRunMaySend }
    const taskQueues = messages.map(({ queue }) => queue)
    admitQueues?.(cause.message, taskQueues)
    await queues.declare(chordQueues, taskQueues)
    await publisher.publish(messages, confirmed, cause)
    await publisher.publish(joins, confirmed, cause)
  }

  /**
   * Sends errbacks; resolves with their group. One that can't be sent is no reason to run the failed task again: the others are
   * sent, and it is logged.
   */
  async callErrbacks(failed: Failed, message: TaskMessage, progress: Progress): Promise<ResultTuple | null> {
    const { departures, child } = progress.make('made', () => {
      const errbacks = errbacksOf(failed, { ...this.context(), current: message })
      for (const problem of errbacks.problems) this.#logUnsent(message, problem)
      return errbacks
    })
    await allOver(
      departures.map((errback, index) =>
        progress.once(`${index}`, () => this.#sendErrback(message, errback, progress.within(`${index}`))),
      ),
    )
    return child
  }

  async #sendErrback(message: TaskMessage, errback: MessagesToSend, progress: Progress): Promise<void> {
    try {
      await this.send(errback, { kind: 'errback', message }, progress)
    } catch (error) {
      failureOf(error)
      this.#logUnsent(message, messageOf(error))
    }
  }

  #logUnsent(message: TaskMessage, problem: string): void {
    this.#parts.logger.error(
      { event: 'errback.unsent', task_id: message.id, task: message.task, problem },
      'an errback could not be sent',
    )
  }
}

function* queuesOf(messages: MessagesToSend['messages']): Iterable<string> {
  for (const { queue } of messages) yield queue
}

/** Why follow-ups can't be sent; throws the error if it does not concern them. */
export function failureOf(error: unknown): RemoteError {
  const failure = mayNotPublish(error) ? undefined : failureOfFollowUps(error)
  if (failure === undefined) throw error
  return failure
}
