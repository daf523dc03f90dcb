import type { Session } from '../broker/session.ts'
import { declareQuarantine, declareTaskQueue } from '../broker/topology.ts'
import { isQuorum, type TaskQueue } from '../protocol/task-queue.ts'
import type { Logger } from '../runtime/logger.ts'

/** What declaring needs. */
export interface DeclareParts {
  readonly session: Session
  readonly logger: Logger
}

/** Declares a task queue and its quarantine, takes what differs as it is, and tells whether it is a quorum queue. */
export async function declareQueue(
  queue: TaskQueue,
  { session, logger }: DeclareParts,
): Promise<{ readonly quorum: boolean }> {
  const { name } = queue
  let quorum = isQuorum(queue)
  const { messages, consumers } = await declareTaskQueue(session, queue, ({ kind, argument, found, error }) => {
    if (kind === 'queue' && argument === 'x-queue-type') quorum = found === 'quorum'
    logger.warn({ event: 'queue.differs', queue: name, difference: error.message }, 'using the queue as it is')
  })
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
