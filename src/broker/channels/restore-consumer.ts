import { messageOf } from '../../errors.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'

/** A consumer that can't be there for now: its queue was deleted or has moved, or the node of that is down. */
export interface LostConsumer {
  /** Declares and consumes once more; rejects with why that is not possible now. */
  readonly consume: () => Promise<void>
  /** False once the consumer is not to be restored any more. */
  readonly wanted: () => boolean
  /** Aborts with its channel: the next one is set up as a whole. */
  readonly gone: AbortSignal
  /** Hears why it can't be there: once for each reason, not for each try. */
  readonly onDown: (error: Error) => void
  readonly clock: Clock
}

// Milliseconds between two tries.
const EVERY = 1_000

/** Tries every second, beginning now, on the channel that it was lost on; true when it consumes again, false when it is not to. */
export async function restoreConsumer({ consume, wanted, gone, onDown, clock }: LostConsumer): Promise<boolean> {
  let told: string | undefined
  while (wanted() && !gone.aborted) {
    try {
      await consume()
      return true
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(messageOf(thrown))
      if (error.message !== told) onDown(error)
      told = error.message
      await pause(clock, EVERY, gone)
    }
  }
  return false
}
