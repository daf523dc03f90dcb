import { createHash } from 'node:crypto'
import { type Applied, applySignature } from '../../canvas/apply.ts'
import { additionTo } from '../../canvas/replacement.ts'
import type { KeptAddition } from '../../protocol/chord/chord.ts'
import { stringifyJson } from '../../protocol/json.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ChordJoin } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { Progress } from '../request/progress.ts'
import { type FollowUpSender, failureOf } from './follow-up-sender.ts'

/** The parts that adding members to a chord works with. */
export interface ChordAdditionsParts {
  readonly join: ChordJoin
  readonly sender: Pick<FollowUpSender, 'send' | 'context'>
  /** Signatures that can't be sent have failed, and are counted as such. */
  readonly fail: (signature: Json, error: RemoteError, message: TaskMessage, progress: Progress) => Promise<void>
}

/**
 * Adds tasks to chords. An added task must be counted before it can end, or its chord might be considered complete without it; so
 * it is recorded until it is sent. If its worker dies in between, the next attempt of the task that added it sends it: by the
 * same call, which counts once, or otherwise when that task has ended. A chord never waits for a member that will not be sent.
 */
export class ChordAdditions {
  readonly #parts: ChordAdditionsParts
  /** How often an attempt has made the same call. */
  readonly #calls = new WeakMap<TaskMessage, Map<string, number>>()

  constructor(parts: ChordAdditionsParts) {
    this.#parts = parts
  }

  /** Sends a signature as an additional task of the chord that `message` belongs to. */
  async add(message: TaskMessage, signature: Json): Promise<Applied> {
    const { join, sender } = this.#parts
    const addition = additionTo(message, signature, sender.context().newId)
    const call = this.#nameCall(message, signature)
    const kept = await join.grow({ ...addition, taskId: message.id, call })
    const applied = this.#apply(kept, message)
    if (kept.sent) return applied
    await sender.send(applied, { kind: 'member', message })
    await join.additionSent({ groupId: addition.groupId, taskId: message.id }, kept)
    return applied
  }

  /** Sends what attempts of an ended task have counted and not sent; then nothing of it is recorded any more. */
  async settle(
    groupId: string,
    additions: readonly KeptAddition[],
    message: TaskMessage,
    progress: Progress,
  ): Promise<void> {
    if (additions.length === 0) return
    for (const [index, kept] of additions.entries()) {
      if (kept.sent) continue
      const step = `addition ${index}`
      await progress.once(step, () => this.#sendOrFail(kept, groupId, message, progress.within(step)))
    }
    await this.#parts.join.forgetAdditions(groupId, message.id)
  }

  async #sendOrFail(kept: KeptAddition, groupId: string, message: TaskMessage, progress: Progress): Promise<void> {
    try {
      const applied = progress.make('applied', () => this.#apply(kept, message))
      await this.#parts.sender.send(applied, { kind: 'member', message }, progress)
      await this.#parts.join.additionSent({ groupId, taskId: message.id }, kept)
    } catch (error) {
      await this.#parts.fail(kept.signature, failureOf(error), message, progress)
    }
  }

  #apply({ signature }: KeptAddition, message: TaskMessage): Applied {
    return applySignature(signature, { args: [], options: {} }, { ...this.#parts.sender.context(), current: message })
  }

  /** A retry adds anew, as in Celery; an attempt repeated because its worker died does not. */
  #nameCall(message: TaskMessage, signature: Json): string {
    const text = stringifyJson(signature, { path: 'signature' })
    const calls = this.#calls.get(message) ?? new Map<string, number>()
    const count = (calls.get(text) ?? 0) + 1
    this.#calls.set(message, calls.set(text, count))
    return createHash('sha256').update(`${message.retries} ${count} ${text}`).digest('base64url')
  }
}
