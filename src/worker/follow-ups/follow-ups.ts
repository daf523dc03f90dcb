import { randomUUID } from 'node:crypto'
import { type ApplyContext, applySignature, chordUnsupported } from '../../canvas/apply.ts'
import { calledByParts, errbackDigests, withUncalled } from '../../canvas/called-errbacks.ts'
import { callbackError, joinChord } from '../../canvas/chord-join.ts'
import {
  type Abandoned,
  abandonedBy,
  abandonedWith,
  bodyOfChord,
  errbacksOf,
  type Failed,
  failedWithChord,
  failureOfFollowUps,
  type MessagesToSend,
  successorsOf,
} from '../../canvas/follow-ups.ts'
import { queuedReplacementOf, type WithQueuedChords } from '../../canvas/queued-chords.ts'
import { replacementOf } from '../../canvas/replacement.ts'
import { messageOf } from '../../errors.ts'
import type { ChordParts, ResultTuple } from '../../protocol/chord/chord.ts'
import { isChordQueue } from '../../protocol/chord/queued-chord.ts'
import type { RemoteError, ResultRecord } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { ChordQueues } from '../../sending/chord-queues.ts'
import { allOver, Progress } from '../request/progress.ts'
import type { SentChildren } from '../request/sent-children.ts'
import { ChordAdditions } from './chord-additions.ts'
import type { FollowUpPublisher } from './follow-up-publisher.ts'
import { storeOrFail } from './store-result.ts'
import { mayNotPublish } from './trouble.ts'

/** The parts that sending callbacks, errbacks and chord bodies works with. */
export interface FollowUpsParts {
  readonly publisher: FollowUpPublisher
  readonly results: ResultBackend
  readonly sentChildren: SentChildren
  /** Declares the queues of chords where the result backend joins none, but workers do. */
  readonly chordQueues?: Pick<ChordQueues, 'declare'> | undefined
  readonly clock: Clock
  readonly logger: EventLogger
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where a task goes. */
  readonly address: ApplyContext['address']
  /** Bounds the queues that what follows a message has declared; throws `TWQ_QUEUE_CREATION`. */
  readonly admitQueues?: (message: TaskMessage, queues: Iterable<string>) => void
  /** True: what a task sends gets its priority. */
  readonly inheritPriority?: boolean
}

/** The end of a task, as far as the tasks after it go: they start, or the errbacks do, or nothing ever will. */
export type TaskEnd =
  | { readonly kind: 'succeeded'; readonly result: Json; readonly record: ResultRecord }
  | { readonly kind: 'failed'; readonly callsErrbacks: boolean; readonly record: ResultRecord }

/** Everything is safe with the broker; or a success is none, because what was to follow it can't be sent. */
export type Followed =
  | { readonly kind: 'done'; readonly children: readonly Json[] }
  | { readonly kind: 'failed'; readonly error: RemoteError }

const DONE: Followed = { kind: 'done', children: [] }
/** The step that sends what a success starts. */
const SUCCEEDED = 'succeeded'

/** Carries out what messages say to do after their tasks: callbacks, errbacks, the next step of a chain, a chord's body. */
export class FollowUps {
  readonly #parts: FollowUpsParts
  readonly #additions: ChordAdditions | undefined

  constructor(parts: FollowUpsParts) {
    this.#parts = parts
    const { chord: join } = parts.results
    this.#additions =
      join &&
      new ChordAdditions({
        join,
        send: (applied, message, progress) => this.#send(applied, message, progress),
        fail: (signature, error, message, progress) => this.#fail(signature, error, message, progress),
        ground: () => this.#ground(),
      })
  }

  /**
   * Resolves once all that follows is confirmed. Rejects when that can't be established; nothing may be acknowledged then,
   * and the next call with the same `progress` goes on from there.
   */
  async follow(message: TaskMessage, ending: TaskEnd, progress: Progress): Promise<Followed> {
    if (ending.kind === 'succeeded') return await this.#succeed(message, ending.result, progress)
    const { id, rootId } = message
    const { errbacks } = message.embed
    if (ending.callsErrbacks && errbacks !== null) {
      await this.#callErrbacks({ id, rootId, errbacks }, message, progress.within('errbacks'))
    }
    // What follows a success may be sent already, where only its result could not be stored.
    if (progress.outcomeOf<Followed>(SUCCEEDED)?.kind !== 'done') {
      await this.#tell(abandonedBy(message), ending.record, message, progress.within('chain'))
    }
    return DONE
  }

  /** Counts a task in its chord where the result backend can; the worker whose task completes the chord sends the body. */
  async endInChord(message: TaskMessage, { record }: TaskEnd, progress: Progress): Promise<void> {
    const { group, groupIndex, embed } = message
    const part = { id: message.id, group, groupIndex, chord: embed.chord }
    await this.#count(part, record, message, progress.within('chord'))
  }

  /**
   * Stores `record` for the rest of the chain of a task that will never run, and counts the task in its chord as failed. A
   * task whose body can't be read may be in a chord, which only the others of its group know: it is counted in any case.
   */
  async abandon(message: TaskMessage, record: ResultRecord, progress: Progress): Promise<void> {
    await this.#tell(abandonedBy(message), record, message, progress.within('chain'))
    const { embed, group } = message
    const unknown = group !== null && embed.chain === null && this.#parts.results.chord !== undefined
    if (embed.chord !== null || unknown) {
      await this.endInChord(message, { kind: 'failed', callsErrbacks: false, record }, progress)
    }
  }

  /** Applies a signature on behalf of a task that runs; resolves with the result tuple of what was started. */
  async apply(signature: Json, args: readonly Json[], parent: TaskMessage): Promise<Json> {
    const applied = applySignature(signature, { args, options: {} }, { ...this.#ground(), current: parent })
    await this.#send(applied, parent)
    this.#parts.sentChildren.add(parent, applied.child)
    return applied.child
  }

  /** Sends what runs in the place of a task; resolves once that is confirmed, or with why it can't be sent. */
  async replace(message: TaskMessage, signature: Json, progress: Progress): Promise<Followed> {
    const { results, chordQueues } = this.#parts
    return await progress.once('replaced', async () => {
      try {
        const replacement = progress.make('replacement', () => replacementOf(signature, message, this.#ground()))
        if (replacement.chords.length === 0 || results.chord !== undefined || chordQueues === undefined) {
          await this.#send(replacement, message, progress)
          return DONE
        }
        const queued = progress.make('queued', () => queuedReplacementOf(signature, message, this.#ground()))
        await this.#sendQueued(queued, chordQueues, message, progress)
        return DONE
      } catch (error) {
        return { kind: 'failed', error: failureOf(error) }
      }
    })
  }

  /** Sends a signature as one more task of the chord that `message` belongs to; resolves with its id. */
  async addToChord(message: TaskMessage, signature: Json): Promise<string> {
    if (this.#additions === undefined) throw chordUnsupported()
    const { child, result } = await this.#additions.add(message, signature)
    this.#parts.sentChildren.add(message, child)
    return result[0][0]
  }

  async #succeed(message: TaskMessage, result: Json, progress: Progress): Promise<Followed> {
    return await progress.once(SUCCEEDED, async () => {
      try {
        const successors = progress.make('successors', () => successorsOf(message, result, this.#ground()))
        await this.#send(successors, message, progress)
        return { kind: 'done', children: successors.children }
      } catch (error) {
        return { kind: 'failed', error: failureOf(error) }
      }
    })
  }

  /** A chord is known to the result backend before any of its tasks can end. */
  async #send({ chords, messages }: MessagesToSend, cause: TaskMessage, progress = new Progress()): Promise<void> {
    const { results, publisher, admitQueues } = this.#parts
    if (messages.length > 0) admitQueues?.(cause, queuesOf(messages))
    if (chords.length > 0) {
      const { chord } = results
      if (chord === undefined) throw chordUnsupported()
      await progress.once('chords', () => allOver(chords.map((start) => chord.begin(start))))
    }
    await publisher.publish(messages, progress.confirmed)
  }

  /** Chords are joined from queues of their own, which their tasks reply to. */
  async #sendQueued(
    { chordQueues, messages, joins }: WithQueuedChords,
    queues: Pick<ChordQueues, 'declare'>,
    cause: TaskMessage,
    { confirmed }: Progress,
  ): Promise<void> {
    const { publisher, admitQueues } = this.#parts
    const taskQueues = messages.map(({ queue }) => queue)
    admitQueues?.(cause, taskQueues)
    await queues.declare(chordQueues, taskQueues)
    await publisher.publish(messages, confirmed)
    await publisher.publish(joins, confirmed)
  }

  /** An errback that can't be sent is no reason to run the failed task again: the others are sent, and the log has it. */
  async #callErrbacks(failed: Failed, message: TaskMessage, progress: Progress): Promise<ResultTuple | null> {
    const { departures, child } = progress.make('made', () => {
      const errbacks = errbacksOf(failed, { ...this.#ground(), current: message })
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
      await this.#send(errback, message, progress)
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

  /** Stores `record` for signatures that will never run, and counts them in the chords that they belong to. */
  async #tell(
    abandoned: readonly Abandoned[],
    record: ResultRecord,
    last: TaskMessage,
    progress: Progress,
    children: ReadonlyMap<string, readonly Json[]> = NO_CHILDREN,
  ): Promise<void> {
    const { results } = this.#parts
    await allOver(
      abandoned.map(async (one, index) => {
        const own: ResultRecord = { ...record, taskId: one.id, children: children.get(one.id) ?? [] }
        const stored = isChordQueue(one.replyTo) ? own : asResult(own)
        if (!one.ignored) await progress.once(`stored ${index}`, () => storeOrFail(results, stored, one))
        if (one.chord !== null) await this.#count(one, own, last, progress.within(`${index}`))
      }),
    )
  }

  async #count(part: ChordMember, record: ResultRecord, last: TaskMessage, progress: Progress): Promise<void> {
    const { results, logger } = this.#parts
    const { group: groupId, groupIndex: index, chord: body } = part
    const fields = { task_id: part.id, group: groupId }
    const { chord } = results
    if (chord === undefined) {
      logger.warn(
        { event: 'chord.unsupported', ...fields, backend: results.kind },
        'this result backend joins no chords: the body will not run',
      )
      return
    }
    // As Celery: what belongs to no group can't be counted in it.
    if (groupId === null) return
    const { all, additions } = await progress.once('counted', () => chord.partEnded({ groupId, index, record }))
    if (all === undefined) {
      await this.#additions?.settle(groupId, additions, last, progress)
      return
    }
    const unreadable = all.unreadable !== undefined
    const how = await this.endChord(body, all, last, progress)
    // What can't be read would be told of again by each task that ends after this one.
    if (how === 'sent' || unreadable) await progress.once('forgotten', () => chord.forget(groupId))
    if (additions.length > 0 || unreadable) await chord.forgetAdditions(groupId, part.id)
  }

  /**
   * Ends a chord whose parts are all in, on behalf of the task that ended last: sends the body, or stores
   * as the body's result that it will not run. Resolves once that is safe; `failed` when a task of the header did.
   */
  async endChord(
    body: Json,
    parts: ChordParts,
    last: TaskMessage,
    progress = new Progress(),
  ): Promise<'sent' | 'failed'> {
    const outcome = joinChord(parts)
    if (outcome.kind === 'failed') {
      await this.#failChord(body, outcome.error, last, progress, calledByParts(parts.parts))
      return 'failed'
    }
    const failure = await progress.once('body', async () => {
      try {
        const { results } = outcome
        const departure = progress.make('body made', () => bodyOfChord(body, results, last, this.#ground()))
        await this.#send(departure, last, progress)
        return undefined
      } catch (error) {
        return failureOf(error)
      }
    })
    if (failure !== undefined) await this.#failChord(body, callbackError(failure), last, progress)
    return 'sent'
  }

  /**
   * The body of a chord will not run: its errbacks do, except those that chords inside it have `called`, and the
   * failure is stored as its result. As in Celery the body's result lists what the last task of the header sent, errbacks included.
   */
  async #failChord(
    body: Json,
    error: RemoteError,
    last: TaskMessage,
    progress: Progress,
    called: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    progress.make('chord failed', () =>
      this.#parts.logger.error(
        { event: 'chord.failed', task_id: last.id, group: last.group, error: error.args[0] },
        'a chord ends without its body',
      ),
    )
    const ends = failedWithChord(body)
    const sentByLast = this.#parts.sentChildren.of(last) as readonly Json[]
    const children = new Map<string, readonly Json[]>()
    for (const [index, failed] of ends.entries()) {
      const child = await this.#callErrbacks(withUncalled(failed, called), last, progress.within(`errbacks ${index}`))
      children.set(failed.id, child === null ? sentByLast : [...sentByLast, child])
    }
    const errbacksCalled = [...new Set([...called, ...errbackDigests(ends)])]
    const told = errbacksCalled.length === 0 ? error : { ...error, errbacksCalled }
    await this.#fail(body, told, last, progress, children)
  }

  /** Stores the failure of each task of a signature that will not be sent. */
  async #fail(
    signature: Json,
    error: RemoteError,
    last: TaskMessage,
    progress: Progress,
    children?: ReadonlyMap<string, readonly Json[]>,
  ): Promise<void> {
    const record: ResultRecord = { taskId: last.id, state: 'FAILURE', error, traceback: null, children: [] }
    await this.#tell(abandonedWith(signature), record, last, progress.within('abandoned'), children)
  }

  #ground(): ApplyContext {
    const { clock, origin, address, inheritPriority = false } = this.#parts
    return { newId: randomUUID, now: clock.now(), origin, address, inheritPriority }
  }
}

function* queuesOf(messages: MessagesToSend['messages']): Iterable<string> {
  for (const { queue } of messages) yield queue
}

/** A task that counts for a chord with this body. */
type ChordMember = Pick<Abandoned, 'id' | 'group' | 'groupIndex' | 'chord'>

const NO_CHILDREN: ReadonlyMap<string, readonly Json[]> = new Map()

/** A record without what is only for the chord that its task is a part of. */
function asResult(record: ResultRecord): ResultRecord {
  if (!('error' in record) || record.error?.errbacksCalled === undefined) return record
  const { errbacksCalled: _, ...error } = record.error
  return { ...record, error }
}

/** Why what follows can't be sent; throws the error where it says nothing about what follows. */
function failureOf(error: unknown): RemoteError {
  const failure = mayNotPublish(error) ? undefined : failureOfFollowUps(error)
  if (failure === undefined) throw error
  return failure
}
