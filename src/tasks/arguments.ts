import { TwqError } from '../errors.ts'
import type { Json, JsonObject } from '../runtime/json.ts'

/** What a task's `positional` list says: `['x', 'y?', '...more']`. */
export interface Parameters {
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** Takes all positional arguments that remain. */
  readonly rest: string | undefined
}

/** The named arguments, or a sentence in Python's words that says why they don't fit. */
export type Bound =
  | { readonly kind: 'bound'; readonly args: Record<string, Json> }
  | { readonly kind: 'mismatch'; readonly message: string }

/**
 * Binds a message's positional and named arguments to a task's names, as Python binds a call to a function's parameters.
 * Unknown named arguments pass through. The result has no prototype: no name a sender chooses means anything special.
 */
export function bindArguments(
  task: string,
  positional: readonly string[],
  args: readonly Json[],
  kwargs: JsonObject,
): Bound {
  const { required, optional, rest } = parametersOf(positional)
  const names = required.length + optional.length
  const bound: Record<string, Json> = Object.create(null)
  for (const name of Object.keys(kwargs)) bound[name] = kwargs[name] as Json

  const given = Math.min(args.length, names)
  for (let i = 0; i < given; i++) {
    const name = (required[i] ?? optional[i - required.length]) as string
    if (name in bound) return mismatch(`${task}() got multiple values for argument '${name}'`)
    bound[name] = args[i] as Json
  }
  if (rest !== undefined) {
    // A caller by name gives the whole list under the rest parameter's own name.
    if (!(rest in bound)) bound[rest] = args.slice(names)
    else if (args.length > names) return mismatch(`${task}() got multiple values for argument '${rest}'`)
  } else if (args.length > names) {
    return mismatch(surplus(task, required.length, names, args.length))
  }
  const missing = required.filter((name) => !(name in bound))
  if (missing.length > 0) return mismatch(`${task}() missing ${missingText(missing)}`)
  return { kind: 'bound', args: bound }
}

/** The arguments of a call: an array is positional ones, an object named ones. Throws `TWQ_ARGUMENTS` for anything else. */
export function callArguments(name: string, args: unknown): { args: readonly Json[]; kwargs: JsonObject } {
  if (args === undefined) return { args: [], kwargs: {} }
  if (Array.isArray(args)) return { args, kwargs: {} }
  if (typeof args === 'object' && args !== null && !(args instanceof Date) && !(args instanceof Uint8Array)) {
    return { args: [], kwargs: args as JsonObject }
  }
  const got = args === null ? 'null' : typeof args === 'object' ? `a ${args.constructor.name}` : typeof args
  throw new TwqError('TWQ_ARGUMENTS', `the arguments of ${name} must be an array or an object, got ${got}`, {
    hint: 'An array holds positional arguments, an object named ones; no arguments at all are []',
  })
}

const parsed = new WeakMap<readonly string[], Parameters>()

/** Reads a task's `positional` list, once per list. The list must have passed {@link positionalProblem}. */
function parametersOf(positional: readonly string[]): Parameters {
  let parameters = parsed.get(positional)
  if (parameters === undefined) {
    parameters = {
      required: positional.filter((name) => !name.endsWith('?') && !name.startsWith('...')),
      optional: positional.filter((name) => name.endsWith('?')).map((name) => name.slice(0, -1)),
      rest: positional.find((name) => name.startsWith('...'))?.slice(3),
    }
    parsed.set(positional, parameters)
  }
  return parameters
}

/** What is wrong with a `positional` list, or undefined. */
export function positionalProblem(positional: unknown): string | undefined {
  if (!Array.isArray(positional)) return `must be a list of argument names, got ${typeof positional}`
  const seen = new Set<string>()
  let optionalBefore: string | undefined
  for (const [index, entry] of (positional as unknown[]).entries()) {
    if (typeof entry !== 'string') return `[${index}] must be an argument name, got ${typeof entry}`
    const isRest = entry.startsWith('...')
    const isOptional = entry.endsWith('?')
    const name = entry.slice(isRest ? 3 : 0, isOptional ? -1 : undefined)
    if (name === '') return `[${index}] must be an argument name, got '${entry}'`
    if (isRest && isOptional) return `[${index}] '${entry}' is optional already: write '...${name}'`
    if (isRest && index < positional.length - 1)
      return `[${index}] '${entry}' takes all that remain, so it must come last`
    if (isOptional) optionalBefore = entry
    else if (optionalBefore !== undefined && !isRest) {
      return `[${index}] '${entry}' is required, so it must come before the optional '${optionalBefore}'`
    }
    if (seen.has(name)) return `[${index}] names '${name}' a second time`
    seen.add(name)
  }
  return undefined
}

function mismatch(message: string): Bound {
  return { kind: 'mismatch', message }
}

function surplus(task: string, least: number, most: number, given: number): string {
  const takes = least === most ? `${most}` : `from ${least} to ${most}`
  const plural = most === 1 && least === most ? '' : 's'
  return `${task}() takes ${takes} positional argument${plural} but ${given} ${given === 1 ? 'was' : 'were'} given`
}

function missingText(names: readonly string[]): string {
  const quoted = names.map((name) => `'${name}'`)
  const last = quoted.pop()
  const list = quoted.length === 0 ? last : `${quoted.join(', ')}${quoted.length > 1 ? ',' : ''} and ${last}`
  return `${names.length} required positional argument${names.length === 1 ? '' : 's'}: ${list}`
}
