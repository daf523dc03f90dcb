import type { Channel } from '../broker/broker.ts'
import type { Session } from '../broker/session.ts'
import { declareQuarantine, declareTaskQueue } from '../broker/topology.ts'
import type { Logger } from '../runtime/logger.ts'

/** What declaring needs: the channel that is going to consume, and its session for what may fail. */
export interface DeclareParts {
  readonly channel: Channel
  readonly session: Session
  readonly logger: Logger
}

/** Declares task queues and what stands beside each, takes those that differ as they are, and tells which are quorum queues. */
export async function declareQueues(
  queues: readonly string[],
  { channel, session, logger }: DeclareParts,
): Promise<{ quorumQueues: string[] }> {
  const quorumQueues: string[] = []
  for (const queue of queues) {
    const status = await declareTaskQueue(session, queue, (difference) => {
      if (difference.argument === 'x-queue-type') quorumQueues.push(queue)
      logger.warn({ event: 'queue.differs', queue, difference: difference.error.message }, 'using the queue as it is')
    })
    await declareQuarantine(channel, queue)
    if (status.consumers > 0) {
      logger.info(
        { event: 'queue.shared', queue, consumers: status.consumers },
        'others consume this queue too: tasks that only they know are quarantined here; give Python workers a queue of their own',
      )
    }
    logger.debug({ event: 'queue.declared', queue, messages: status.messages, consumers: status.consumers }, 'declared')
  }
  return { quorumQueues }
}
