import { messageOf, TwqError } from '../errors.ts'
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
  /** Ends it. */
  readonly signal: AbortSignal
}

/** The troubles of consumed queues. */
export interface QueueWatch {
  /** Why a queue delivers nothing, by its name: its node is away, or it has no leader. */
  readonly troubles: ReadonlyMap<string, string>
}

/**
 * Asks the broker passively for the queues that are consumed, again and again, on channels of their own. A consumer outlives
 * the leader of its quorum queue, and nothing tells of that; but the broker then counts no consumers there, ours included.
 */
export function watchQueues({ session, consuming, clock, every, signal }: QueueWatchOptions): QueueWatch {
  let troubles: ReadonlyMap<string, string> = new Map()
  const ask = async (queue: string): Promise<string | undefined> => {
    try {
      const { consumers } = await session.withChannel((channel) => channel.inspectQueue(queue), { signal })
      return consumers === 0 ? 'it has no leader: the broker counts no consumer, and has confirmed ours' : undefined
    } catch (error) {
      return TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CLOSED') ? undefined : messageOf(error)
    }
  }
  void (async () => {
    for (;;) {
      await pause(clock, every, signal)
      if (signal.aborted) return
      const before = consuming()
      const answers = await Promise.all(before.map(async (queue) => [queue, await ask(queue)] as const))
      // One that was left or lost meanwhile is told of elsewhere.
      const still = new Set(consuming())
      troubles = new Map(
        answers.flatMap(([queue, why]) => (why !== undefined && still.has(queue) ? [[queue, why]] : [])),
      )
    }
  })()
  return {
    get troubles() {
      return troubles
    },
  }
}
