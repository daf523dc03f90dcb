import { TwqError } from '../errors.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'
import type { Channel, Connection } from './broker.ts'

/** The channel that is probed, and how often. */
export interface LivenessOptions {
  readonly connection: Connection
  /** The channel that has to work: the consuming one. */
  readonly channel: Pick<Channel, 'isOpen' | 'ping'>
  readonly clock: Clock
  /** Milliseconds: half of it lies between two questions, and twice of it is allowed for an answer. */
  readonly heartbeatMs: number
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Proof that the broker still serves a channel. */
export interface Liveness {
  /** When the broker answered last, on the clock's monotonic scale. */
  readonly answeredAt: number
}

/**
 * Asks the broker something on `channel` again and again, and destroys the connection when an answer does not come:
 * heartbeats alone may go on while the broker has stopped to serve the channel. It asks about no queue, since the broker may
 * be silent for a minute about one whose node is away, and serve the others.
 */
export function watchLiveness(options: LivenessOptions): Liveness {
  const { connection, channel, clock, heartbeatMs, signal } = options
  let answeredAt = clock.monotonic()
  const ask = async (): Promise<void> => {
    const deadline = clock.after(2 * heartbeatMs, () =>
      connection.destroy(
        new TwqError(
          'TWQ_CONNECTION_LOST',
          `the broker did not answer on the channel that consumes within ${2 * heartbeatMs} ms`,
        ),
      ),
    )
    try {
      await channel.ping()
      answeredAt = clock.monotonic()
    } catch {
      // The channel is over, which its owner hears from the channel itself.
    } finally {
      deadline.cancel()
    }
  }
  void (async () => {
    while (!signal.aborted && channel.isOpen) {
      await ask()
      await pause(clock, heartbeatMs / 2, signal)
    }
  })()
  return {
    get answeredAt() {
      return answeredAt
    },
  }
}
