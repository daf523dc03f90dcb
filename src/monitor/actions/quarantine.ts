import type { Delivery } from '../../broker/broker.ts'
import type { Session } from '../../broker/session.ts'
import { quarantineQueue } from '../../protocol/companion-queues.ts'
import {
  isReplayable,
  type QuarantinedMessage,
  readQuarantined,
  replayOf,
  wasInChord,
} from '../../queues/quarantine.ts'
import { DROP, KEEP, type SweepAction, sweepQueue } from '../../queues/sweep-queue.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { QuarantinedRow, QuarantineList, SweepAnswer } from '../answers/actions.ts'
import type { Hide } from '../store/describe-task.ts'
import { Sweeps } from './sweeps.ts'

// The limit for reading a list.
const MOST_LISTED = 500
const LONGEST_BODY = 10_000

/** The quarantines of a broker, for the page. */
export class Quarantines {
  readonly #sweeps: Sweeps
  readonly #clock: Clock
  readonly #hide: Hide

  constructor(session: Session, clock: Clock, hide: Hide) {
    this.#sweeps = new Sweeps(session)
    this.#clock = clock
    this.#hide = hide
  }

  /** The messages in the quarantine of `queue`, oldest first, at most 500. */
  async list(queue: string): Promise<Pick<QuarantineList, 'messages' | 'unseen'>> {
    const messages: QuarantinedRow[] = []
    const decide = (delivery: Delivery): SweepAction => {
      messages.push(this.#rowOf(readQuarantined(delivery)))
      return KEEP
    }
    const { unseen } = await this.#sweep(queue, decide, MOST_LISTED)
    return { messages, unseen }
  }

  /** Publishes the originals of these tasks to their queue again. */
  replay(queue: string, ids: readonly string[]): Promise<SweepAnswer> {
    return this.#each(queue, ids, (message, delivery) => {
      const outgoing = replayOf(message, delivery)
      return outgoing === undefined ? KEEP : { kind: 'send', outgoing }
    })
  }

  /** Deletes the messages of these tasks. */
  drop(queue: string, ids: readonly string[]): Promise<SweepAnswer> {
    return this.#each(queue, ids, () => DROP)
  }

  async #each(
    queue: string,
    ids: readonly string[],
    act: (message: QuarantinedMessage, delivery: Delivery) => SweepAction,
  ): Promise<SweepAnswer> {
    const meant = new Set(ids)
    let [foreign, inChords] = [0, 0]
    const decide = (delivery: Delivery): SweepAction => {
      const message = readQuarantined(delivery)
      if (message.id === undefined || !meant.has(message.id)) return KEEP
      const action = act(message, delivery)
      if (action.kind === 'keep') foreign += 1
      if (action.kind === 'send' && wasInChord(message)) inChords += 1
      return action
    }
    const { dropped, sent, kept, unseen } = await this.#sweep(queue, decide, undefined)
    return { done: dropped + sent, left: kept + unseen, foreign, inChords }
  }

  async #sweep(queue: string, decide: (delivery: Delivery) => SweepAction, limit: number | undefined) {
    const name = quarantineQueue(queue)
    const swept = await this.#sweeps.in(name, (connection) =>
      sweepQueue(connection, name, { decide, limit, clock: this.#clock }),
    )
    return swept ?? { kept: 0, dropped: 0, sent: 0, unseen: 0 }
  }

  #rowOf(message: QuarantinedMessage): QuarantinedRow {
    const { original, ...facts } = message
    const hidden = this.#hide({ id: facts.id ?? '', name: facts.task })
    const body = original === undefined || hidden.includes('args') ? undefined : textOf(original.message.body)
    // The error about arguments may quote them.
    const detail = hidden.includes('args') || hidden.includes('errors') ? '' : facts.detail
    return { ...facts, detail, replayable: isReplayable(message), body }
  }
}

function textOf(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, LONGEST_BODY)).toString('utf8')
  return body.byteLength <= LONGEST_BODY ? text : `${beginningOf(text, LONGEST_BODY)}…`
}
