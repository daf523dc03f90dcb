import { quorumHeedsPriorities } from '../../broker/server-version.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { Declarations } from '../consume/declarations.ts'
import { longTasks } from './long-tasks.ts'
import { lostPriorities } from './lost-priorities.ts'

/** The inputs for a worker's warnings, once its queues are declared. */
export interface StartupWarningsParts {
  readonly config: Config
  readonly registry: TaskRegistry
  readonly declarations: Pick<Declarations, 'withPriorities'>
  readonly consuming: Pick<Session, 'connection'>
  readonly logger: EventLogger
}

/** Warns of priorities that a queue does not support, and of tasks that may run longer than the broker waits. */
export function warnAtStart({ config, registry, declarations, consuming, logger }: StartupWarningsParts): void {
  const tasks = registry.entries().map(({ task }) => task)
  const quorumHeeds = quorumHeedsPriorities(consuming.connection?.server)
  const facts = { config, tasks, prioritized: declarations.withPriorities(), quorumHeeds }
  for (const { queue, givenBy } of lostPriorities(facts)) {
    const fields = { event: 'queue.no-priorities' as const, queue, given_by: givenBy }
    logger.warn(
      fields,
      'priorities are given to tasks of a queue that heeds none: a classic one needs maxPriority, a quorum queue RabbitMQ 4',
    )
  }
  const long = longTasks(tasks, config)
  if (long.length === 0) return
  const hint =
    "Split them, give them acks: 'early', or raise consumer_timeout on the broker, where it may be higher already."
  logger.warn(
    { event: 'tasks.long', tasks: long, hint },
    "the time limits of tasks are longer than 30 minutes, RabbitMQ's consumer_timeout: it takes back the message of one that runs longer",
  )
}
