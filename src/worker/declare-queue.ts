import type { Session } from '../broker/session.ts'
import { declareQuarantine, declareTaskQueue, type TopologyDifference } from '../broker/topology.ts'
import { isQuorum, type TaskQueue } from '../protocol/task-queue.ts'
import type { Logger } from '../runtime/logger.ts'

/** What declaring needs. */
export interface DeclareParts {
  readonly session: Session
  readonly logger: Logger
  /** Takes a queue as it is even where the configuration states otherwise: who has begun does not stop for that. */
  readonly lenient: boolean
}

/**
 * Declares a task queue and its quarantine, and tells whether it is a quorum queue. What differs from all but the
 * configuration is taken as it is.
 */
export async function declareQueue(
  queue: TaskQueue,
  { session, logger, lenient }: DeclareParts,
): Promise<{ readonly quorum: boolean }> {
  const { name } = queue
  let quorum = isQuorum(queue)
  const onDifference = ({ kind, argument, found, error }: TopologyDifference): void => {
    if (kind === 'queue' && argument === 'x-queue-type') quorum = found === 'quorum'
    logger.warn({ event: 'queue.differs', queue: name, difference: error.message }, 'using the queue as it is')
  }
  const { messages, consumers } = await declareTaskQueue(session, queue, onDifference, { lenient })
  await session.withChannel((channel) => declareQuarantine(channel, name))
  if (consumers > 0) {
    logger.info(
      { event: 'queue.shared', queue: name, consumers },
      'others consume this queue too: tasks that only they know are quarantined here; give Python workers a queue of their own',
    )
  }
  logger.debug({ event: 'queue.declared', queue: name, messages, consumers }, 'declared')
  return { quorum }
}
