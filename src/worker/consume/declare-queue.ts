import type { ServerInfo } from '../../broker/broker.ts'
import { quorumHeedsPriorities } from '../../broker/server-version.ts'
import type { Session } from '../../broker/session.ts'
import { declareTaskQueue, isQuorumAsFound, type TopologyDifference } from '../../broker/topology.ts'
import { TwqError } from '../../errors.ts'
import { hasSingleActiveConsumer, maxPriorityOf, type TaskQueue } from '../../protocol/queue/task-queue.ts'
import {
  type Companion,
  declareFailed,
  declareQuarantine,
  declareSuspects,
  type FailedLimits,
} from '../../queues/companions.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import type { DeclaredQueue } from '../request/moments.ts'

/** The connection, clock and log that declaring works with. */
export interface DeclareParts {
  readonly session: Pick<Session, 'withChannel'>
  readonly clock: Clock
  readonly logger: EventLogger
  /** The broker's product and version, if known. */
  readonly server: ServerInfo | undefined
  /** The limits of the queue of failures; undefined if no failures are kept. */
  readonly failures: FailedLimits | undefined
  /** The differences of companions that were logged already. */
  readonly told: Set<string>
  /** After the start of the worker: a queue with other settings than the configuration's is a warning, not an error. */
  readonly lenient: boolean
}

// Milliseconds to wait for the queues beside it before the task queue is consumed without them.
const MOMENT = 1_000

/**
 * Declares a task queue, its quarantine, its suspects and its failures, and returns its properties. Settings that the
 * configuration does not set are accepted as they are.
 */
export async function declareQueue(queue: TaskQueue, parts: DeclareParts): Promise<DeclaredQueue> {
  const { session, clock, logger, server, lenient } = parts
  const { name } = queue
  const differences: TopologyDifference[] = []
  const onDifference = (difference: TopologyDifference): void => {
    differences.push(difference)
    const fields = { event: 'queue.differs' as const, queue: name, difference: difference.error.message }
    logger.warn(fields, 'using the queue as it is')
  }
  const onUnbound = (error: TwqError): void => {
    const fields = { event: 'queue.unbound' as const, queue: name, error: error.message, hint: error.hint }
    logger.warn(fields, 'the binding of a queue to its exchange could not be written; consuming it all the same')
  }
  const { messages, consumers } = await declareTaskQueue(session, queue, onDifference, { lenient, onUnbound })
  const quorum = await isQuorumAsFound(session, queue, differences)
  const companions = declareCompanions(name, quorum, parts)
  // Tasks are consumed while the broker does not answer about the companions of their queue.
  const over = new AbortController()
  await Promise.race([Promise.all(companions), pause(clock, MOMENT, over.signal)]).finally(() => over.abort())
  if (consumers > 0) {
    logger.info(
      { event: 'queue.shared', queue: name, consumers },
      'others consume this queue too: tasks that only they know are quarantined here; give Python workers a queue of their own',
    )
  }
  logger.debug({ event: 'queue.declared', queue: name, messages, consumers }, 'declared')
  const priorities = quorum ? quorumHeedsPriorities(server) : heedsPriorities(queue, differences)
  const [singleActive, deadLetters] = [isSingleActive(queue, differences), hasDeadLetters(queue, differences)]
  return { quorum, priorities, singleActive, deadLetters }
}

/** Declares the companions of a task queue, all at once. */
function declareCompanions(
  name: string,
  quorum: boolean,
  { session, logger, failures, told }: DeclareParts,
): Promise<void>[] {
  const declared = [declareQuarantine(session, name, { quorum }), declareSuspects(session, name, { quorum })]
  if (failures !== undefined) declared.push(declareFailedOrTell(name, quorum, { session, logger, limits: failures }))
  return declared.map(async (declaring) => {
    try {
      const { difference, hint } = await declaring
      if (difference === undefined || told.has(difference.message)) return
      told.add(difference.message)
      const fields = { event: 'queue.companion' as const, queue: name, difference: difference.message, hint }
      logger[hint === undefined ? 'info' : 'warn'](fields, 'using the companion queue as it is')
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
      const fields = { event: 'queue.companion-down' as const, queue: name, error: error.message }
      logger.warn(fields, 'a companion queue cannot be reached until its node is back')
    }
  })
}

/** Logs a warning where the user may not declare it: tasks run, and failures that are not kept are logged. */
async function declareFailedOrTell(
  name: string,
  quorum: boolean,
  { session, logger, limits }: Pick<DeclareParts, 'session' | 'logger'> & { readonly limits: FailedLimits },
): Promise<Companion> {
  try {
    return await declareFailed(session, name, { quorum, limits })
  } catch (error) {
    if (!TwqError.is(error, 'TWQ_BROKER_PERMISSION')) throw error
    const fields = { event: 'failure.not-kept' as const, queue: name, error: error.message, hint: error.hint }
    logger.warn(fields, 'messages of failed tasks cannot be kept')
    return { quorum, difference: undefined, differences: [] }
  }
}

function heedsPriorities(queue: TaskQueue, differences: readonly TopologyDifference[]): boolean {
  const other = differenceIn('x-max-priority', differences)
  return other === undefined ? maxPriorityOf(queue) !== undefined : Number(other.found) > 0
}

function isSingleActive(queue: TaskQueue, differences: readonly TopologyDifference[]): boolean {
  const other = differenceIn('x-single-active-consumer', differences)
  return other === undefined ? hasSingleActiveConsumer(queue) : other.found === 'true'
}

function hasDeadLetters(queue: TaskQueue, differences: readonly TopologyDifference[]): boolean {
  const other = differenceIn(DEAD_LETTERS, differences)
  return other === undefined ? queue.arguments[DEAD_LETTERS] !== undefined : other.found !== 'none'
}

const DEAD_LETTERS = 'x-dead-letter-exchange'

function differenceIn(name: string, differences: readonly TopologyDifference[]): TopologyDifference | undefined {
  return differences.find(({ kind, argument }) => kind === 'queue' && argument === name)
}
