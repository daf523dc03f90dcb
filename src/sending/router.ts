import { TwqError } from '../errors.ts'
import {
  type Address,
  type Destination,
  destinationProblems,
  type RouteFunction,
  type Routes,
  type RouteTable,
} from '../protocol/queue/routes.ts'
import { plainQueue, type TaskQueue } from '../protocol/queue/task-queue.ts'
import type { Route } from '../protocol/wire.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { matchesGlob } from '../runtime/text/glob.ts'

/** The settings of a router. */
export interface RouterOptions {
  /** Those with settings; every other name is a plain queue. */
  readonly queues?: readonly TaskQueue[]
  readonly routes?: Routes | undefined
  /** The queue of what nothing else routes. */
  readonly defaultQueue: string
  /** The priority of a task that has none of its own. */
  readonly defaultPriority?: number | undefined
}

/** Where tasks go, by name and by what their senders say (wire specification 1.3). */
export interface Router {
  /**
   * The address of a task. What the caller says comes first, then what the routes say, then the defaults. Throws
   * `TWQ_CONFIG` for a route function's answer that can't be used, and with the error of a function that throws.
   */
  address(task: string, args: readonly Json[] | JsonObject, wanted: Destination): Address
  /** The queue of this name, with its settings if it has any. */
  queueNamed(name: string): TaskQueue
}

/** A router; it asks the functions among the routes, and knows nothing else that could change. */
export function createRouter({ queues = [], routes, defaultQueue, defaultPriority }: RouterOptions): Router {
  const known = new Map(queues.map((queue) => [queue.name, queue]))
  const chain = routes === undefined ? [] : (Array.isArray(routes) ? routes : [routes]).map(routeFunction)
  const queueNamed = (name: string): TaskQueue => known.get(name) ?? plainQueue(name)

  return {
    queueNamed,
    address(task, args, wanted) {
      // As Celery: an explicit queue needs no route, but a route may still say the rest.
      const routed = chain.length === 0 ? {} : (routedBy(chain, task, args, wanted) ?? {})
      const queue = queueNamed(wanted.queue ?? routed.queue ?? defaultQueue)
      const route = routeTo(queue, {
        exchange: wanted.exchange ?? (wanted.queue === undefined ? routed.exchange : undefined),
        routingKey: wanted.routingKey ?? (wanted.queue === undefined ? routed.routingKey : undefined),
      })
      return { queue: queue.name, route, priority: wanted.priority ?? routed.priority ?? defaultPriority }
    },
  }
}

/**
 * As Celery, messages for a queue on a direct exchange go there through the default exchange, with every key; unlike
 * Celery, a named exchange is never passed over.
 */
function routeTo(
  queue: TaskQueue,
  { exchange, routingKey }: { readonly exchange: string | undefined; readonly routingKey: string | undefined },
): Route {
  if (exchange === undefined && queue.exchange.type === 'direct') return { exchange: '', routingKey: queue.name }
  return { exchange: exchange ?? queue.exchange.name, routingKey: routingKey ?? queue.routingKey }
}

function routedBy(
  chain: readonly RouteFunction[],
  task: string,
  args: readonly Json[] | JsonObject,
  wanted: Destination,
): Destination | undefined {
  for (const route of chain) {
    const to = route(task, args, wanted)
    if (to === undefined || to === null) continue
    if (typeof to === 'string' && to !== '') return { queue: to }
    const [problem] = destinationProblems(to)
    if (problem === undefined) return to as Destination
    throw new TwqError('TWQ_CONFIG', `the return value of a route function for ${task}${problem}`)
  }
  return undefined
}

function routeFunction(route: RouteTable | RouteFunction): RouteFunction {
  if (typeof route === 'function') return route
  const patterns = Object.keys(route).filter((pattern) => /[*?[]/.test(pattern))
  return (task) => {
    if (Object.hasOwn(route, task)) return route[task]
    const pattern = patterns.find((candidate) => matchesGlob(task, candidate))
    return pattern === undefined ? undefined : route[pattern]
  }
}
