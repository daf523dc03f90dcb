import type { Channel } from '../broker/broker.ts'
import type { Session } from '../broker/session.ts'
import { declareResultQueue } from '../broker/topology.ts'
import { TwqError } from '../errors.ts'
import { CHORD_QUEUE_LIFETIME, JOIN_QUEUE } from '../protocol/chord/queued-chord.ts'
import { unlessAborted } from '../runtime/time/time-limit.ts'
import type { DeclaredQueues } from './declared-queues.ts'

/** Declares the queues that the tasks of a chord's header reply to where no result backend joins chords. */
export class ChordQueues {
  readonly #session: Session
  readonly #queues: Pick<DeclaredQueues, 'declare' | 'isQuorum'>

  constructor(session: Session, queues: Pick<DeclaredQueues, 'declare' | 'isQuorum'>) {
    this.#session = session
    this.#queues = queues
  }

  /**
   * Declares them: quorum queues where a task queue of the header is one, since the loss of a node must take no more of a
   * chord than of its tasks. Waits for a connection where there is none. Rejects with `TWQ_CHORD_UNSUPPORTED` where no worker
   * joins chords, and with the reason of `signal`.
   */
  async declare(chordQueues: readonly string[], taskQueues: Iterable<string>, signal?: AbortSignal): Promise<void> {
    const within = <T>(work: Promise<T>): Promise<T> => (signal === undefined ? work : unlessAborted(work, signal))
    const named = [...new Set(taskQueues)]
    const declare = async (channel: Channel): Promise<void> => {
      await channel.inspectQueue(JOIN_QUEUE)
      const type = { quorum: named.some((queue) => this.#queues.isQuorum(queue)) }
      for (const queue of chordQueues) await declareResultQueue(channel, queue, CHORD_QUEUE_LIFETIME, type)
    }
    try {
      await within(Promise.all(named.map((queue) => this.#queues.declare(queue))))
      await within(this.#session.withChannel(declare))
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_MISSING')) throw error
      throw new TwqError('TWQ_CHORD_UNSUPPORTED', 'no worker on this broker has ever joined a chord without Redis', {
        hint: 'Start a twq worker with --result-backend rpc:// here: Python workers can run the tasks, but not join them',
        cause: error,
      })
    }
  }
}
