import { randomUUID } from 'node:crypto'
import { applySignature, type FollowUp, type Ground } from '../canvas/apply.ts'
import {
  type Abandoned,
  abandonedBy,
  errbacksOf,
  failureOfFollowUps,
  type Successors,
  successorsOf,
} from '../canvas/follow-ups.ts'
import { messageOf } from '../errors.ts'
import type { RemoteError, ResultRecord } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Json } from '../runtime/json.ts'
import type { Logger } from '../runtime/logger.ts'
import type { FollowUpPublisher } from './follow-up-publisher.ts'
import type { Ending } from './settlement.ts'

/** What following up works with. */
export interface FollowersParts {
  readonly publisher: FollowUpPublisher
  readonly results: ResultBackend
  readonly clock: Clock
  readonly logger: Logger
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** The queue of a task whose signature names none. */
  readonly queueOf: (task: string) => string
}

/** Everything is safe with the broker; or a success is none, because what was to follow it can't be sent. */
export type Followed =
  | { readonly kind: 'done'; readonly children: readonly Json[] }
  | { readonly kind: 'failed'; readonly error: RemoteError }

const DONE: Followed = { kind: 'done', children: [] }

/** Carries out what messages say to do after their tasks: callbacks, errbacks, and the next step of a chain. */
export class Followers {
  readonly #parts: FollowersParts

  constructor(parts: FollowersParts) {
    this.#parts = parts
  }

  /** Resolves once all that follows is confirmed. Rejects when that can't be established; nothing may be acknowledged then. */
  async follow(message: TaskMessage, ending: Ending): Promise<Followed> {
    if (ending.kind === 'succeeded') return await this.#succeed(message, ending.result)
    if (ending.callsErrbacks && message.embed.errbacks !== null) await this.#callErrbacks(message)
    await this.#tellAbandoned(message, ending.record)
    return DONE
  }

  /** Has a member of a chord counted where the result backend can; elsewhere its body never runs, and the log says so. */
  async endInChord(message: TaskMessage, { record }: Ending): Promise<void> {
    const { results, logger } = this.#parts
    if (results.chord !== undefined) {
      await results.chord.memberEnded(record, message)
      return
    }
    logger.warn(
      {
        event: 'chord.unsupported',
        task_id: message.id,
        task: message.task,
        group: message.group,
        backend: results.kind,
      },
      'this result backend joins no chords: the body will not run',
    )
  }

  /** Applies a signature on behalf of a task that runs; resolves with the result tuple of what was started. */
  async apply(signature: Json, args: readonly Json[], parent: TaskMessage): Promise<Json> {
    const options = { parent_id: parent.id, root_id: parent.rootId }
    const { messages, child } = applySignature(signature, { args, options }, this.#ground())
    await this.#parts.publisher.publish(messages)
    return child
  }

  async #succeed(message: TaskMessage, result: Json): Promise<Followed> {
    try {
      const { messages, children }: Successors = successorsOf(message, result, this.#ground())
      await this.#parts.publisher.publish(messages)
      return { kind: 'done', children }
    } catch (error) {
      const failure = failureOfFollowUps(error)
      if (failure === undefined) throw error
      return { kind: 'failed', error: failure }
    }
  }

  /** An errback that can't be sent is no reason to run the failed task again: the others are sent, and the log has it. */
  async #callErrbacks(message: TaskMessage): Promise<void> {
    const { messages, problems } = errbacksOf(message, this.#ground())
    for (const problem of problems) this.#logUnsent(message, problem)
    await Promise.all(messages.map((errback) => this.#sendErrback(message, errback)))
  }

  async #sendErrback(message: TaskMessage, errback: FollowUp): Promise<void> {
    try {
      await this.#parts.publisher.publish([errback])
    } catch (error) {
      if (failureOfFollowUps(error) === undefined) throw error
      this.#logUnsent(message, messageOf(error))
    }
  }

  #logUnsent(message: TaskMessage, problem: string): void {
    this.#parts.logger.error(
      { event: 'errback.unsent', task_id: message.id, task: message.task, problem },
      'an errback could not be sent',
    )
  }

  /** The later steps of the chain end as this one did. */
  async #tellAbandoned(message: TaskMessage, record: ResultRecord): Promise<void> {
    const { results } = this.#parts
    const tell = (abandoned: Abandoned) => results.store({ ...record, taskId: abandoned.id, children: [] }, abandoned)
    await Promise.all(abandonedBy(message).map(tell))
  }

  #ground(): Ground {
    const { clock, origin, queueOf } = this.#parts
    return { newId: randomUUID, now: clock.now(), origin, queueOf }
  }
}
