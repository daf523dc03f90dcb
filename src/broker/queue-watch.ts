import { TwqError } from '../errors.ts'
import { shellWord } from '../runtime/text/shell-word.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'
import type { Session } from './session.ts'

/** The queues that are probed, and how often. */
export interface QueueWatchOptions {
  /** Lends channels of the connection that consumes, and answers in time. */
  readonly session: Pick<Session, 'withChannel'>
  /** The queues with a consumer that the broker has confirmed. */
  readonly consuming: () => readonly string[]
  readonly clock: Clock
  /** Milliseconds between two rounds. */
  readonly every: number
  /** Hears of each queue that is in trouble now, and of a new reason; then that it is well again. */
  readonly onTrouble: (queue: string, error: Error) => void
  readonly onWell: (queue: string) => void
  /** Ends it. */
  readonly signal: AbortSignal
}

/** The troubles of consumed queues. */
export interface QueueWatch {
  /** Why a queue may deliver nothing, by its name: its node is away, it has no leader, or this user may not ask any more. */
  readonly troubles: ReadonlyMap<string, string>
}

/**
 * Asks the broker passively for the queues that are consumed, again and again, on channels of their own. A consumer outlives
 * the leader of its quorum queue, and nothing tells of that; but the broker then counts no consumers there, ours included.
 */
export function watchQueues(options: QueueWatchOptions): QueueWatch {
  const { session, consuming, clock, every, onTrouble, onWell, signal } = options
  let troubles: ReadonlyMap<string, string> = new Map()
  const ask = async (queue: string): Promise<Error | undefined> => {
    try {
      const { consumers } = await session.withChannel((channel) => channel.inspectQueue(queue), { signal })
      return consumers === 0 ? leaderless(queue) : undefined
    } catch (error) {
      return TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CLOSED') ? undefined : (error as Error)
    }
  }
  const judge = (answers: readonly (readonly [queue: string, error: Error | undefined])[]): void => {
    const before = troubles
    troubles = new Map(answers.flatMap(([queue, error]) => (error === undefined ? [] : [[queue, error.message]])))
    for (const [queue, error] of answers) {
      if (error === undefined && before.has(queue)) onWell(queue)
      if (error !== undefined && before.get(queue) !== error.message) onTrouble(queue, error)
    }
  }
  void (async () => {
    for (;;) {
      await pause(clock, every, signal)
      if (signal.aborted) return
      const before = consuming()
      const answers = await Promise.all(before.map(async (queue) => [queue, await ask(queue)] as const))
      // A queue that was left or lost meanwhile is reported elsewhere.
      const still = new Set(consuming())
      if (!signal.aborted) judge(answers.filter(([queue]) => still.has(queue)))
    }
  })()
  return {
    get troubles() {
      return troubles
    },
  }
}

function leaderless(queue: string): TwqError {
  return new TwqError('TWQ_QUEUE_DOWN', 'it has no leader: the broker counts no consumer, and has confirmed ours', {
    hint: `See which of its members are up: rabbitmq-queues quorum_status ${shellWord(queue)}`,
  })
}
