import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import type { Routes, RouteTable } from '../../protocol/queue/routes.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Router } from '../../sending/router.ts'

/** The most task queues that are declared because of one message. */
export const MOST_CREATED = 16
// The most queues remembered from route functions; the oldest are dropped first.
const MOST_ROUTED = 10_000

/** What limits the queues that messages can make a worker declare. */
export interface QueueCreationParts {
  readonly config: Pick<Config, 'queueCreation' | 'knownQueues' | 'defaultQueue' | 'routes'>
  /** Queues that tasks name in their definitions. */
  readonly ofTasks: Iterable<string>
}

/**
 * Limits the task queues that one message can make the worker declare: a user with permission to write to a queue must not be
 * able to declare any number of others through it. Queues count that neither the configuration nor routes nor tasks name, per
 * message, for all of its follow-ups and all that its task sends. Other queues (delays, chords, quarantine) don't count.
 */
export class QueueCreation {
  readonly #most: number
  readonly #named: ReadonlySet<string>
  readonly #routed = new Set<string>()
  readonly #created = new WeakMap<TaskMessage, Set<string>>()

  constructor({ config, ofTasks }: QueueCreationParts) {
    this.#most = config.queueCreation === 'configured' ? 0 : MOST_CREATED
    const known = config.knownQueues.map(({ name }) => name)
    this.#named = new Set([...known, config.defaultQueue, ...queuesIn(config.routes), ...ofTasks])
  }

  /** A router that records the queues chosen by routes: those are named, too. */
  watch(router: Router): Router {
    return {
      queueNamed: (name) => router.queueNamed(name),
      address: (task, args, wanted) => {
        const address = router.address(task, args, wanted)
        if (wanted.queue === undefined) this.#note(address.queue)
        return address
      },
    }
  }

  /** Throws `TWQ_QUEUE_CREATION` if these are more than `message` may have declared; then none of them counts. */
  admit(message: TaskMessage, queues: Iterable<string>): void {
    let created: Set<string> | undefined
    for (const queue of queues) {
      if (this.#named.has(queue) || this.#routed.has(queue)) continue
      created ??= new Set(this.#created.get(message))
      if (created.add(queue).size > this.#most) throw refusal(queue, this.#most)
    }
    if (created !== undefined) this.#created.set(message, created)
  }

  #note(queue: string): void {
    if (this.#named.has(queue) || this.#routed.has(queue)) return
    const [oldest] = this.#routed.size < MOST_ROUTED ? [] : this.#routed
    if (oldest !== undefined) this.#routed.delete(oldest)
    this.#routed.add(queue)
  }
}

function refusal(queue: string, most: number): TwqError {
  const why =
    most === 0
      ? `the queue ${JSON.stringify(queue)} is none of the configuration's`
      : `the message names more than ${most} queues that the configuration does not`
  return new TwqError('TWQ_QUEUE_CREATION', why, {
    hint: 'Name the queues in queues or routes of the configuration',
  })
}

function queuesIn(routes: Routes | undefined): string[] {
  if (routes === undefined || typeof routes === 'function') return []
  if (Array.isArray(routes)) return routes.flatMap(queuesIn)
  return Object.values(routes as RouteTable).flatMap((to) => (typeof to === 'string' ? to : (to.queue ?? [])))
}
