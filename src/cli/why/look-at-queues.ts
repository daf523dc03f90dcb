import type { Connection } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import { suspectsQueue } from '../../protocol/companion-queues.ts'
import { DELAY_LEVELS, delayLevel } from '../../protocol/headers/delay-route.ts'
import { queueStatus } from '../../queues/queue-access.ts'
import { inTurn } from '../../runtime/in-turn.ts'
import type { QueueEvidence } from './evidence.ts'

/**
 * What lies in these queues, and among the suspects beside them. Only asks: passive declarations, each on a channel of its own, which take
 * no message and create nothing.
 */
export async function lookAtQueues(
  connection: Connection,
  names: readonly string[],
): Promise<readonly QueueEvidence[]> {
  return await inTurn(names, async (name) => {
    let down: string | undefined
    const onDown = (error: TwqError): void => {
      down = error.message
    }
    const look = (queue: string, hear: (error: TwqError) => void) =>
      queueStatus(connection, queue, hear).catch((error: unknown) => {
        // One that this user may not look at, or that is another connection's own, is told like one that is down.
        if (!TwqError.is(error, 'TWQ_BROKER_PERMISSION', 'TWQ_QUEUE_LOCKED')) throw error
        hear(error)
        return undefined
      })
    const [status, suspects] = await Promise.all([look(name, onDown), look(suspectsQueue(name), () => {})])
    return { name, status, down, suspects: suspects?.messages ?? 0 }
  })
}

/** How many messages wait in the queues of native delayed delivery; 0 where nothing was ever delayed on this virtual host. */
export async function lookAtDelays(connection: Connection): Promise<number> {
  const ready = async (level: number): Promise<number | undefined> =>
    (await queueStatus(connection, delayLevel(level)))?.messages
  // Declared first of all levels.
  const last = DELAY_LEVELS - 1
  const above = await ready(last)
  if (above === undefined) return 0
  const others = await inTurn(
    Array.from({ length: last }, (_, level) => level),
    ready,
  )
  return others.reduce<number>((sum, count) => sum + (count ?? 0), above)
}
