import type { Json, JsonObject } from '../../runtime/json.ts'
import { closest } from '../../runtime/text/closest.ts'
import type { Route } from '../wire.ts'

/** The destination of a task; parts may be missing. */
export interface Destination {
  readonly queue?: string
  /** Published to instead of the queue's own exchange, if given. */
  readonly exchange?: string
  readonly routingKey?: string
  /** Used if neither the caller nor the task sets one. */
  readonly priority?: number
}

/** Chooses a task's destination; `undefined` passes the choice to the next route. `args` is an array or an object, as sent. */
export type RouteFunction = (
  name: string,
  args: readonly Json[] | JsonObject,
  options: Destination,
) => string | Destination | undefined

/** Queues or destinations by task name: exact names first, then globs (`'reports.*'`) in their order. */
export type RouteTable = Readonly<Record<string, string | Destination>>

/** The forms of `routes`: the first that answers decides. */
export type Routes = RouteTable | RouteFunction | readonly (RouteTable | RouteFunction)[]

/** Where one message goes. */
export interface Address {
  /** The queue to declare before publishing. */
  readonly queue: string
  readonly route: Route
  /** Undefined where none is given. */
  readonly priority: number | undefined
}

/** All problems with `routes`, each a text to follow its name; empty if there are none. Never throws. */
export function routeProblems(routes: unknown): readonly string[] {
  if (Array.isArray(routes)) {
    return routes.flatMap((member, index) => {
      const nested = Array.isArray(member) ? [' must be a table or a function, got a list'] : routeProblems(member)
      return nested.map((problem) => `[${index}]${problem}`)
    })
  }
  if (typeof routes === 'function') return []
  if (!isTable(routes)) return [' must be a table of task names, a function, or a list of those']
  return Object.entries(routes).flatMap(([pattern, to]) =>
    (isName(to) ? [] : destinationProblems(to)).map((problem) => `[${JSON.stringify(pattern)}]${problem}`),
  )
}

const RULES: { readonly [Key in keyof Required<Destination>]: readonly [string, (value: unknown) => boolean] } = {
  queue: ["a queue's name", isName],
  exchange: ["an exchange's name", isName],
  routingKey: ['a text of at most 255 bytes', (value) => typeof value === 'string' && Buffer.byteLength(value) <= 255],
  priority: ['a whole number from 0 to 255', isPriority],
}

/** The problems of one destination, each a text to follow its name; empty if there are none. */
export function destinationProblems(to: unknown): readonly string[] {
  if (!isTable(to)) return [" must be a queue's name or a destination"]
  return Object.entries(to).flatMap(([key, value]) => {
    const rule = Object.hasOwn(RULES, key) ? RULES[key as keyof Destination] : undefined
    if (rule === undefined) {
      const near = closest(key.replace(/_/g, ''), Object.keys(RULES))
      const hint = near === undefined ? `there are: ${Object.keys(RULES).join(', ')}` : `did you mean ${near}?`
      return [`.${key} is not a setting; ${hint}`]
    }
    return value === undefined || rule[1](value) ? [] : [`.${key} must be ${rule[0]}`]
  })
}

/** True for a value that AMQP can carry as a priority. */
export function isPriority(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255
}

// AMQP carries names in short strings.
function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
