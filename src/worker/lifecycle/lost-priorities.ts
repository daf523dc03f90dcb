import type { Config } from '../../config/config.ts'
import type { RouteTable } from '../../protocol/queue/routes.ts'
import { isQuorum, maxPriorityOf } from '../../protocol/queue/task-queue.ts'
import { createRouter } from '../../sending/router.ts'
import type { AnyTask } from '../../tasks/task.ts'

/** A queue without priorities, and where its tasks get one. */
export interface LostPriority {
  readonly queue: string
  /** For display: `task emails.send`, `route emails.*`, `defaultPriority`. */
  readonly givenBy: readonly string[]
}

/** Where priorities are set, and for which queues. */
export interface PriorityFacts {
  readonly config: Pick<Config, 'knownQueues' | 'defaultQueue' | 'routes' | 'defaultPriority'>
  readonly tasks: readonly Pick<AnyTask, 'name' | 'settings'>[]
  /** The queues that have priorities on the broker, which may differ from the configuration. */
  readonly prioritized: ReadonlySet<string>
  /** Whether quorum queues support priorities there. */
  readonly quorumHeeds: boolean
}

/**
 * The queues that get messages with priorities and support none, for example a classic queue without `maxPriority`: RabbitMQ
 * delivers their messages in order of arrival. Choices of a route function are unknown and not checked; a priority of 0 has no
 * effect.
 */
export function lostPriorities({ config, tasks, prioritized, quorumHeeds }: PriorityFacts): readonly LostPriority[] {
  const { knownQueues, defaultQueue, defaultPriority } = config
  const routes = config.routes === undefined ? [] : [config.routes].flat()
  const tables = routes.filter((route): route is RouteTable => typeof route !== 'function')
  const router = createRouter({ routes: tables, defaultQueue })
  const heeding = new Set(prioritized)
  for (const queue of knownQueues) {
    if (isQuorum(queue) ? quorumHeeds : maxPriorityOf(queue) !== undefined) heeding.add(queue.name)
  }
  const lost = new Map<string, string[]>()
  const give = (priority: number | undefined, queue: string, givenBy: string): void => {
    if (priority === undefined || priority === 0 || heeding.has(queue)) return
    lost.set(queue, [...(lost.get(queue) ?? []), givenBy])
  }

  for (const { name, settings } of tasks) {
    const { queue, priority } = settings
    if (queue !== undefined) give(priority, queue, `task ${name}`)
    else if (tables.length === routes.length) give(priority, router.address(name, [], {}).queue, `task ${name}`)
  }
  for (const table of tables) {
    for (const [pattern, to] of Object.entries(table)) {
      if (typeof to === 'string' || to.exchange !== undefined) continue
      give(to.priority, to.queue ?? defaultQueue, `route ${pattern}`)
    }
  }
  give(defaultPriority, defaultQueue, 'defaultPriority')
  return [...lost].map(([queue, givenBy]) => ({ queue, givenBy }))
}
