import type { ActiveRequest, WorkerView } from '../control/worker-view.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { LamportClock } from '../runtime/lamport-clock.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import type { RateLimits } from './rate-limits.ts'
import type { Request } from './request.ts'
import type { RequestTable } from './request-table.ts'
import { type Revocations, stampValues } from './revocations.ts'

/** What a view looks at. */
export interface ViewParts {
  readonly node: string
  readonly table: RequestTable
  readonly revocations: Revocations
  readonly lamport: LamportClock
  readonly registry: TaskRegistry
  readonly rateLimits: RateLimits
}

/** What remote control sees of a worker, and may do to it. */
export function workerView({ node, table, revocations, lamport, registry, rateLimits }: ViewParts): WorkerView {
  return {
    node,
    pid: process.pid,
    active: () => table.active().map(activeRequest),
    revoke: (ids) => revocations.revoke(ids),
    revokeStamped: (stamps) => revocations.revokeStamped(stamps),
    revoked: () => revocations.ids(),
    terminate(matches) {
      const ended = table.all().filter(({ message }) => matches({ id: message.id, stamps: stampsOf(message) }))
      // Those that do not run yet are refused when their turn comes.
      for (const request of ended) if (request.state === 'active') request.terminate()
      return ended.map(({ message }) => message.id)
    },
    limitRate(task, rate) {
      if (registry.get(task) === undefined) return false
      rateLimits.change(task, rate)
      return true
    },
    tick: () => lamport.tick(),
  }
}

function stampsOf({ stampedHeaders, stamps }: TaskMessage): Record<string, string[]> {
  return Object.fromEntries((stampedHeaders ?? []).map((name) => [name, stampValues(stamps[name])]))
}

function activeRequest(request: Request): ActiveRequest {
  const { message, delivery } = request
  return {
    id: message.id,
    name: message.shadow ?? message.task,
    type: message.task,
    args: message.args,
    kwargs: message.kwargs,
    argsrepr: message.argsrepr,
    kwargsrepr: message.kwargsrepr,
    startedAt: request.startedAt,
    acknowledged: request.acknowledged,
    exchange: delivery.route.exchange,
    routingKey: delivery.route.routingKey,
    priority: message.priority,
    redelivered: request.invocation.redelivered,
  }
}
