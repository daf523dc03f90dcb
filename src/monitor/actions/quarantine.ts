import type { Connection, Delivery } from '../../broker/broker.ts'
import type { Session } from '../../broker/session.ts'
import { TwqError } from '../../errors.ts'
import { quarantineQueue } from '../../protocol/companion-queues.ts'
import { type QuarantinedMessage, readQuarantined, replayOf, wasInChord } from '../../queues/quarantine.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import { DROP, KEEP, type SweepAction, sweepQueue } from '../../queues/sweep-queue.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { QuarantinedRow, QuarantineList, SweepAnswer } from '../answers/actions.ts'
import type { Hide } from '../store/describe-task.ts'

// A longer list is not read.
const MOST_LISTED = 500
const LONGEST_BODY = 10_000

/** The quarantines of a broker, for the page. */
export class Quarantines {
  readonly #session: Session
  readonly #clock: Clock
  readonly #hide: Hide
  /** Sweeps, one after the other: two at once would hide messages from each other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(session: Session, clock: Clock, hide: Hide) {
    this.#session = session
    this.#clock = clock
    this.#hide = hide
  }

  /** The messages that lie in the quarantine of `queue`, oldest first, at most 500. */
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
    return this.#each(queue, ids, (message) => {
      const outgoing = replayOf(message)
      return outgoing === undefined ? KEEP : { kind: 'send', outgoing }
    })
  }

  /** Drops the messages of these tasks for good. */
  drop(queue: string, ids: readonly string[]): Promise<SweepAnswer> {
    return this.#each(queue, ids, () => DROP)
  }

  async #each(
    queue: string,
    ids: readonly string[],
    act: (message: QuarantinedMessage) => SweepAction,
  ): Promise<SweepAnswer> {
    const meant = new Set(ids)
    let [foreign, inChords] = [0, 0]
    const decide = (delivery: Delivery): SweepAction => {
      const message = readQuarantined(delivery)
      if (message.id === undefined || !meant.has(message.id)) return KEEP
      const action = act(message)
      if (action.kind === 'keep') foreign += 1
      if (action.kind === 'send' && wasInChord(message)) inChords += 1
      return action
    }
    const { dropped, sent, kept, unseen } = await this.#sweep(queue, decide, undefined)
    return { done: dropped + sent, left: kept + unseen, foreign, inChords }
  }

  #sweep(queue: string, decide: (delivery: Delivery) => SweepAction, limit: number | undefined) {
    const sweep = this.#last.then(async () => {
      const connection = this.#connection()
      const name = quarantineQueue(queue)
      if ((await queueStatus(connection, name)) === undefined) return { kept: 0, dropped: 0, sent: 0, unseen: 0 }
      return await sweepQueue(connection, name, { decide, limit, clock: this.#clock })
    })
    this.#last = sweep.catch(() => {})
    return sweep
  }

  #connection(): Connection {
    const { connection } = this.#session
    if (connection === undefined) throw new TwqError('TWQ_BROKER_UNREACHABLE', 'there is no connection to the broker')
    if (connection.blocked === undefined) return connection
    throw new TwqError('TWQ_BROKER_BLOCKED', `the broker takes no messages: ${connection.blocked}`)
  }

  #rowOf(message: QuarantinedMessage): QuarantinedRow {
    const { original, ...facts } = message
    const hidden = this.#hide({ id: facts.id ?? '', name: facts.task })
    const body = original === undefined || hidden.includes('args') ? undefined : textOf(original.message.body)
    // What was wrong with arguments may quote them.
    const detail = hidden.includes('args') || hidden.includes('errors') ? '' : facts.detail
    return { ...facts, detail, replayable: replayOf(message) !== undefined, body }
  }
}

function textOf(body: Uint8Array): string {
  const text = Buffer.from(body.buffer, body.byteOffset, Math.min(body.byteLength, LONGEST_BODY)).toString('utf8')
  return body.byteLength <= LONGEST_BODY ? text : `${beginningOf(text, LONGEST_BODY)}…`
}
