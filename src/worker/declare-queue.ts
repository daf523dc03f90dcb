import type { Session } from '../broker/session.ts'
import {
  declareQuarantine,
  declareSuspects,
  declareTaskQueue,
  isQuorumAsFound,
  type TopologyDifference,
} from '../broker/topology.ts'
import { TwqError } from '../errors.ts'
import { maxPriorityOf, type TaskQueue } from '../protocol/task-queue.ts'
import type { Logger } from '../runtime/logger.ts'

/** What declaring needs. */
export interface DeclareParts {
  readonly session: Pick<Session, 'withChannel'>
  readonly logger: Logger
  /** Takes a queue as it is even where the configuration states otherwise: who has begun does not stop for that. */
  readonly lenient: boolean
}

/** What a task queue is, as the broker has it. */
export interface DeclaredQueue {
  readonly quorum: boolean
  /** It puts its messages in the order of their priorities. */
  readonly priorities: boolean
}

/**
 * Declares a task queue, its quarantine and its suspects, and tells what it is. What differs from all but the
 * configuration is taken as it is.
 */
export async function declareQueue(
  queue: TaskQueue,
  { session, logger, lenient }: DeclareParts,
): Promise<DeclaredQueue> {
  const { name } = queue
  const differences: TopologyDifference[] = []
  const onDifference = (difference: TopologyDifference): void => {
    differences.push(difference)
    const fields = { event: 'queue.differs', queue: name, difference: difference.error.message }
    logger.warn(fields, 'using the queue as it is')
  }
  const { messages, consumers } = await declareTaskQueue(session, queue, onDifference, { lenient })
  const quorum = await isQuorumAsFound(session, queue, differences)
  for (const declare of [declareQuarantine, declareSuspects]) {
    try {
      const { difference, hint } = await declare(session, name, { quorum })
      if (difference === undefined) continue
      const fields = { event: 'queue.companion', queue: name, difference: difference.message, hint }
      logger[hint === undefined ? 'info' : 'warn'](fields, 'using the queue beside it as it is')
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
      const fields = { event: 'queue.companion-down', queue: name, error: error.message }
      logger.warn(fields, 'a queue beside it can not be reached until that node is back')
    }
  }
  if (consumers > 0) {
    logger.info(
      { event: 'queue.shared', queue: name, consumers },
      'others consume this queue too: tasks that only they know are quarantined here; give Python workers a queue of their own',
    )
  }
  logger.debug({ event: 'queue.declared', queue: name, messages, consumers }, 'declared')
  return { quorum, priorities: heedsPriorities(queue, differences) }
}

function heedsPriorities(queue: TaskQueue, differences: readonly TopologyDifference[]): boolean {
  const other = differences.find(({ kind, argument }) => kind === 'queue' && argument === 'x-max-priority')
  return other === undefined ? maxPriorityOf(queue) !== undefined : Number(other.found) > 0
}
