import type { Broker } from '../../broker/broker.ts'
import { idsIn, revokedForPython } from '../../control/commands/hello.ts'
import type { WorkerView } from '../../control/worker-view.ts'
import { messageOf, TwqError } from '../../errors.ts'
import type { LamportClock } from '../../protocol/remote/lamport-clock.ts'
import type { Json } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { Broadcast } from '../../sending/broadcast.ts'

/** What a worker needs to introduce itself. */
export interface MingleParts {
  readonly broker: Broker
  readonly worker: WorkerView
  readonly lamport: LamportClock
  readonly clock: Clock
  readonly logger: EventLogger
}

// In milliseconds: how long Celery waits for the first answer, and after an answer for the next one.
const TIMEOUT = 1_000
const QUIET = 150
// For everything: a broker that has lost nodes may take long to declare the reply queue.
const LONGEST = 5_000

/**
 * Asks the running workers which tasks are revoked (wire specification 7.5). Takes no time if there are none. Never rejects, and
 * takes at most five seconds: without an answer the worker starts with what it knows.
 */
export async function mingle(parts: MingleParts): Promise<void> {
  const over = new AbortController()
  const impatience = pause(parts.clock, LONGEST, over.signal)
  await Promise.race([exchange(parts), impatience])
  over.abort()
}

async function exchange({ broker, worker, lamport, clock, logger }: MingleParts): Promise<void> {
  try {
    await using broadcast = await Broadcast.open(broker, clock)
    const args = { from_node: worker.node, revoked: revokedForPython(worker) }
    const replies = await broadcast.ask('hello', args, { timeout: TIMEOUT, quiet: QUIET })
    for (const reply of replies.values()) {
      const { revoked, clock: time } = fieldsOf(reply)
      if (worker.takesRevocations) worker.learnRevoked(idsIn(revoked))
      if (typeof time === 'number') lamport.adjust(time)
    }
    logger.debug({ event: 'worker.mingled', nodes: [...replies.keys()] }, 'heard the other workers')
  } catch (error) {
    if (TwqError.is(error, 'TWQ_NO_WORKER')) return
    logger.warn({ event: 'worker.alone', error: messageOf(error) }, 'the other workers could not be asked')
  }
}

function fieldsOf(reply: Json): { readonly [name: string]: Json } {
  return typeof reply === 'object' && reply !== null && !Array.isArray(reply) ? (reply as { [name: string]: Json }) : {}
}
