import { applySignature, chordUnsupported } from '../../canvas/apply.ts'
import { abandonedBy, successorsOf } from '../../canvas/follow-ups.ts'
import { queuedReplacementOf } from '../../canvas/queued-chords.ts'
import { replacementOf } from '../../canvas/replacement.ts'
import { type Replacement, stampedReplacement } from '../../canvas/stamped.ts'
import type { ChordParts } from '../../protocol/chord/chord.ts'
import type { RemoteError, ResultRecord } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Json } from '../../runtime/json.ts'
import type { ChordQueues } from '../../sending/chord-queues.ts'
import type { Progress } from '../request/progress.ts'
import type { SentChildren } from '../request/sent-children.ts'
import { ChordEnds } from './chord-ends.ts'
import { FollowUpSender, type FollowUpSenderParts, failureOf } from './follow-up-sender.ts'

/** The parts that sending callbacks, errbacks and chord bodies works with. */
export interface FollowUpsParts extends FollowUpSenderParts {
  readonly sentChildren: SentChildren
  /** Declares the queues of chords if workers rather than the result backend join them. */
  readonly chordQueues?: Pick<ChordQueues, 'declare'> | undefined
}

/** The end of a task as far as later tasks depend on it: they start, or the errbacks do, or nothing ever will. */
export type TaskEnd =
  | { readonly kind: 'succeeded'; readonly result: Json; readonly record: ResultRecord }
  | { readonly kind: 'failed'; readonly callsErrbacks: boolean; readonly record: ResultRecord }

/** Everything is confirmed by the broker; or a success becomes a failure, because its follow-ups can't be sent. */
export type Followed =
  | { readonly kind: 'done'; readonly children: readonly Json[] }
  | { readonly kind: 'failed'; readonly error: RemoteError }

const DONE: Followed = { kind: 'done', children: [] }
/** The step that sends the follow-ups of a success. */
const SUCCEEDED = 'succeeded'

/** Carries out what messages say to do after their tasks: callbacks, errbacks, the next step of a chain, a chord's body. */
export class FollowUps {
  readonly #parts: FollowUpsParts
  readonly #sender: FollowUpSender
  readonly #chords: ChordEnds

  constructor(parts: FollowUpsParts) {
    this.#parts = parts
    this.#sender = new FollowUpSender(parts)
    this.#chords = new ChordEnds({ ...parts, sender: this.#sender })
  }

  /**
   * Resolves once all follow-ups are confirmed. Rejects if that can't be established; nothing may be acknowledged then, and the
   * next call with the same `progress` continues from there.
   */
  async follow(message: TaskMessage, ending: TaskEnd, progress: Progress): Promise<Followed> {
    if (ending.kind === 'succeeded') return await this.#succeed(message, ending.result, progress)
    const { id, rootId } = message
    const { errbacks } = message.embed
    if (ending.callsErrbacks && errbacks !== null) {
      await this.#sender.callErrbacks({ id, rootId, errbacks }, message, progress.within('errbacks'))
    }
    // The follow-ups of a success may be sent already if only its result could not be stored.
    if (progress.outcomeOf<Followed>(SUCCEEDED)?.kind !== 'done') {
      await this.#chords.tell(abandonedBy(message), ending.record, message, progress.within('chain'))
    }
    return DONE
  }

  /** Counts a task in its chord if the result backend can; the worker whose task completes the chord sends the body. */
  async endInChord(message: TaskMessage, { record }: TaskEnd, progress: Progress): Promise<void> {
    const { group, groupIndex, embed } = message
    const part = { id: message.id, group, groupIndex, chord: embed.chord }
    await this.#chords.count(part, record, message, progress.within('chord'))
  }

  /**
   * Stores `record` for the rest of the chain of a task that will never run, and counts the task in its chord as failed. A task
   * whose body can't be read may be in a chord that only the other tasks of its group know: it is counted in any case.
   */
  async abandon(message: TaskMessage, record: ResultRecord, progress: Progress): Promise<void> {
    await this.#chords.tell(abandonedBy(message), record, message, progress.within('chain'))
    const { embed, group } = message
    const unknown = group !== null && embed.chain === null && this.#parts.results.chord !== undefined
    if (embed.chord !== null || unknown) {
      await this.endInChord(message, { kind: 'failed', callsErrbacks: false, record }, progress)
    }
  }

  /** Applies a signature for a running task; resolves with the result tuple of what was sent. */
  async apply(signature: Json, args: readonly Json[], parent: TaskMessage): Promise<Json> {
    const applied = applySignature(signature, { args, options: {} }, { ...this.#sender.context(), current: parent })
    await this.#sender.send(applied, { kind: 'member', message: parent })
    this.#parts.sentChildren.add(parent, applied.child)
    return applied.child
  }

  /** Sends the replacement of a task; resolves once that is confirmed, or with the reason why it can't be sent. */
  async replace(message: TaskMessage, asked: Replacement, progress: Progress): Promise<Followed> {
    const { results, chordQueues } = this.#parts
    return await progress.once('replaced', async () => {
      try {
        const replacement = progress.make('replacement', () =>
          replacementOf(...stampedReplacement(asked, message), this.#sender.context()),
        )
        if (replacement.chords.length === 0 || results.chord !== undefined || chordQueues === undefined) {
          await this.#sender.send(replacement, { kind: 'replacement', message }, progress)
          return DONE
        }
        const queued = progress.make('queued', () =>
          queuedReplacementOf(...stampedReplacement(asked, message), this.#sender.context()),
        )
        await this.#sender.sendQueued(queued, chordQueues, { kind: 'replacement', message }, progress)
        return DONE
      } catch (error) {
        return { kind: 'failed', error: failureOf(error) }
      }
    })
  }

  /** Sends a signature as an additional task of the chord that `message` belongs to; resolves with its id. */
  async addToChord(message: TaskMessage, signature: Json): Promise<string> {
    const { additions } = this.#chords
    if (additions === undefined) throw chordUnsupported()
    const { child, result } = await additions.add(message, signature)
    this.#parts.sentChildren.add(message, child)
    return result[0][0]
  }

  /**
   * Ends a chord whose parts are all there, for the task that ended last: sends the body, or stores as the body's result that it
   * will not run. Resolves once that is confirmed; `failed` if a task of the header did.
   */
  async endChord(body: Json, parts: ChordParts, last: TaskMessage): Promise<'sent' | 'failed'> {
    return await this.#chords.end(body, parts, last)
  }

  async #succeed(message: TaskMessage, result: Json, progress: Progress): Promise<Followed> {
    return await progress.once(SUCCEEDED, async () => {
      try {
        const successors = progress.make('successors', () => successorsOf(message, result, this.#sender.context()))
        await this.#sender.send(successors, { kind: 'callback', message }, progress)
        return { kind: 'done', children: successors.children }
      } catch (error) {
        return { kind: 'failed', error: failureOf(error) }
      }
    })
  }
}
