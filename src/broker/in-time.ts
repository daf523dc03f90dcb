import { TwqError } from '../errors.ts'
import type { Clock } from '../runtime/time/clock.ts'
import type { Session } from './session.ts'

/** Milliseconds that a broker has to answer a question about a queue. */
export const ANSWER_PATIENCE = 5_000

/**
 * Resolves with `answer`; rejects with `TWQ_QUEUE_DOWN` where that takes longer than `ms` milliseconds. RabbitMQ 4 does not
 * reply for a minute about a classic queue whose node was lost, and for half a minute about a write without a majority.
 */
export function inTime<T>(answer: Promise<T>, clock: Clock, ms = ANSWER_PATIENCE): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(unanswered(ms)))
    answer.then(resolve, reject).finally(() => timer.cancel())
  })
}

/** A session whose channels are lent until the broker has had its time for an answer: waiting for a connection does not count. */
export function answeringInTime(session: Pick<Session, 'withChannel'>, clock: Clock): Pick<Session, 'withChannel'> {
  return {
    withChannel: (use, options) =>
      new Promise((resolve, reject) => {
        // A channel that has no answer yet can't be closed either: the close is not awaited.
        const asked = session.withChannel((channel) => {
          const answer = use(channel)
          inTime(answer, clock).catch(reject)
          return answer
        }, options)
        asked.then(resolve, reject)
      }),
  }
}

function unanswered(ms: number): TwqError {
  return new TwqError('TWQ_QUEUE_DOWN', `the broker has not answered within ${ms / 1_000} s`, {
    hint: 'The node that the queue lives on may be away, or the cluster has lost its majority: rabbitmqctl cluster_status',
  })
}
