import { calledByParts, errbackDigests, withUncalled } from '../../canvas/called-errbacks.ts'
import { callbackError, joinChord } from '../../canvas/chord-join.ts'
import { type Abandoned, abandonedWith, bodyOfChord, failedWithChord } from '../../canvas/follow-ups.ts'
import type { ChordParts } from '../../protocol/chord/chord.ts'
import { isChordQueue } from '../../protocol/chord/queued-chord.ts'
import type { RemoteError, ResultRecord } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { allOver, Progress } from '../request/progress.ts'
import type { SentChildren } from '../request/sent-children.ts'
import { ChordAdditions } from './chord-additions.ts'
import { type FollowUpSender, failureOf } from './follow-up-sender.ts'
import { storeOrFail } from './store-result.ts'

/** The parts that ending chords works with. */
export interface ChordEndsParts {
  readonly sender: FollowUpSender
  readonly results: ResultBackend
  readonly sentChildren: SentChildren
  readonly logger: EventLogger
}

/** A task that counts for a chord with this body. */
export type ChordMember = Pick<Abandoned, 'id' | 'group' | 'groupIndex' | 'chord'>

const NO_CHILDREN: ReadonlyMap<string, readonly Json[]> = new Map()

/** Counts tasks in their chords, sends the bodies of complete chords, and stores failures for tasks that will never run. */
export class ChordEnds {
  readonly #parts: ChordEndsParts
  /** Set if the result backend joins chords. */
  readonly additions: ChordAdditions | undefined

  constructor(parts: ChordEndsParts) {
    this.#parts = parts
    const { sender, results } = parts
    const { chord: join } = results
    this.additions =
      join &&
      new ChordAdditions({
        join,
        sender,
        fail: (signature, error, message, progress) => this.#fail(signature, error, message, progress),
      })
  }

  /** Stores `record` for signatures that will never run, and counts them in their chords. */
  async tell(
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
        if (one.chord !== null) await this.count(one, own, last, progress.within(`${index}`))
      }),
    )
  }

  /** Counts an ended task in its chord, if the result backend can; ends a chord that is now complete. */
  async count(part: ChordMember, record: ResultRecord, last: TaskMessage, progress: Progress): Promise<void> {
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
    // As in Celery: a task without a group can't be counted.
    if (groupId === null) return
    const { all, additions } = await progress.once('counted', () => chord.partEnded({ groupId, index, record }))
    if (all === undefined) {
      await this.additions?.settle(groupId, additions, last, progress)
      return
    }
    const unreadable = all.unreadable !== undefined
    const how = await this.end(body, all, last, progress)
    // Otherwise each task that ends after this one would report the unreadable part again.
    if (how === 'sent' || unreadable) await progress.once('forgotten', () => chord.forget(groupId))
    if (additions.length > 0 || unreadable) await chord.forgetAdditions(groupId, part.id)
  }

  /**
   * Ends a chord whose parts are all there, for the task that ended last: sends the body, or stores as the body's result that it
   * will not run. Resolves once that is confirmed; `failed` if a task of the header did.
   */
  async end(body: Json, parts: ChordParts, last: TaskMessage, progress = new Progress()): Promise<'sent' | 'failed'> {
    const { sender } = this.#parts
    const outcome = joinChord(parts)
    if (outcome.kind === 'failed') {
      await this.#failChord(body, outcome.error, last, progress, calledByParts(parts.parts))
      return 'failed'
    }
    const failure = await progress.once('body', async () => {
      try {
        const { results } = outcome
        const departure = progress.make('body made', () => bodyOfChord(body, results, last, sender.context()))
        await sender.send(departure, { kind: 'chord-body', message: last }, progress)
        return undefined
      } catch (error) {
        return failureOf(error)
      }
    })
    if (failure !== undefined) await this.#failChord(body, callbackError(failure), last, progress)
    return 'sent'
  }

  /**
   * The body of a chord will not run: its errbacks do, except those that inner chords have `called`, and the failure is stored as
   * its result. As in Celery the body's result lists what the last task of the header sent, including errbacks.
   */
  async #failChord(
    body: Json,
    error: RemoteError,
    last: TaskMessage,
    progress: Progress,
    called: ReadonlySet<string> = new Set(),
  ): Promise<void> {
    const { sender, sentChildren, logger } = this.#parts
    progress.make('chord failed', () =>
      logger.error(
        { event: 'chord.failed', task_id: last.id, group: last.group, error: error.args[0] },
        'a chord ends without its body',
      ),
    )
    const ends = failedWithChord(body)
    const sentByLast = sentChildren.of(last) as readonly Json[]
    const children = new Map<string, readonly Json[]>()
    for (const [index, failed] of ends.entries()) {
      const child = await sender.callErrbacks(withUncalled(failed, called), last, progress.within(`errbacks ${index}`))
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
    await this.tell(abandonedWith(signature), record, last, progress.within('abandoned'), children)
  }
}

/** A record without the fields for the chord that its task is a part of. */
function asResult(record: ResultRecord): ResultRecord {
  if (!('error' in record) || record.error?.errbacksCalled === undefined) return record
  const { errbacksCalled: _, ...error } = record.error
  return { ...record, error }
}
