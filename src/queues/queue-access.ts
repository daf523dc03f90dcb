import type { Channel, Connection, QueueStatus } from '../broker/broker.ts'
import { inTime } from '../broker/in-time.ts'
import { declareTaskQueue, isQuorumAsFound, type TopologyDifference } from '../broker/topology.ts'
import { TwqError } from '../errors.ts'
import type { TaskQueue } from '../protocol/queue/task-queue.ts'
import { systemClock } from '../runtime/time/clock.ts'
import { declareFailed, declareQuarantine, declareSuspects, type FailedLimits } from './companions.ts'

/** Lends a channel for one purpose: a refusal of the broker ends the channel. */
export async function withChannel<T>(connection: Connection, use: (channel: Channel) => Promise<T>): Promise<T> {
  await using channel = await connection.openChannel()
  return await use(channel)
}

/** The same for a question about a queue. Rejects with `TWQ_QUEUE_DOWN` when the broker does not answer in time. */
export function askInTime<T>(connection: Connection, use: (channel: Channel) => Promise<T>): Promise<T> {
  // A channel that has no answer yet can't be closed either, and its close must not be waited for.
  return inTime(withChannel(connection, use), systemClock)
}

/**
 * The broker's status of a queue; undefined when there is none. Nothing is created. Rejects with `TWQ_QUEUE_DOWN` where
 * its node is down, unless `onDown` hears of that.
 */
export async function queueStatus(
  connection: Connection,
  name: string,
  onDown?: (error: TwqError) => void,
): Promise<QueueStatus | undefined> {
  try {
    return await askInTime(connection, (channel) => channel.inspectQueue(name))
  } catch (error) {
    if (TwqError.is(error, 'TWQ_QUEUE_MISSING')) return undefined
    if (onDown === undefined || !TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
    onDown(error)
    return undefined
  }
}

/**
 * Declares a task queue and what belongs to it, as a worker does on its start: the queue of failures where it says what that
 * holds. Resolves with what was there otherwise.
 */
export async function declareWithCompanions(
  connection: Connection,
  queue: TaskQueue,
  failures?: FailedLimits,
): Promise<readonly TopologyDifference[]> {
  const differences: TopologyDifference[] = []
  const lend = { withChannel: <T>(use: (channel: Channel) => Promise<T>) => askInTime(connection, use) }
  await declareTaskQueue(lend, queue, (difference) => differences.push(difference), { lenient: true })
  const type = { quorum: await isQuorumAsFound(lend, queue, differences) }
  await declareQuarantine(lend, queue.name, type)
  await declareSuspects(lend, queue.name, type)
  if (failures !== undefined) await declareFailed(lend, queue.name, { ...type, limits: failures })
  return differences
}
