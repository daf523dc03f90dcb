import { TwqError } from '../errors.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { ordinary } from '../runtime/ordinary.ts'
import { closest } from '../runtime/text/closest.ts'
import { startOf } from '../runtime/text/cut-text.ts'

/** The arguments a task declares, as `defineTask` takes them. */
export interface Declaration {
  /** `['x', 'y?', '...more']`: Python's positional arguments bind to these, in this order. */
  readonly positional: readonly string[]
  /** `['z', 'w?']`: keyword only; `'*'` accepts any name. Undefined if the task declares no arguments at all. */
  readonly named?: readonly string[] | '*' | undefined
}

/** The parsed lists of a declaration. */
interface Parameters {
  readonly required: readonly string[]
  readonly optional: readonly string[]
  /** Receives all remaining positional arguments. */
  readonly rest: string | undefined
  /** Required, and keyword only. */
  readonly keywordOnly: readonly string[]
  /** Every accepted name; undefined if any name is accepted. */
  readonly names: ReadonlySet<string> | undefined
  /** An argument is named `__proto__`, which can't be assigned on an ordinary object. */
  readonly special: boolean
}

/** The named arguments, or a sentence in Python's wording that says why they don't fit. */
export type Bound =
  | { readonly kind: 'bound'; readonly args: Record<string, Json> }
  | { readonly kind: 'mismatch'; readonly message: string }

/**
 * Binds a message's positional and keyword arguments to a task's names as Python binds a call to a function's parameters, and
 * reports errors in Python's wording and order: names first, then too many positional arguments, then missing ones. The result
 * has no prototype, so a name chosen by a sender has no special meaning.
 */
export function bindArguments(task: string, declared: Declaration, args: readonly Json[], kwargs: JsonObject): Bound {
  const parameters = parametersOf(declared)
  const { required, optional, rest, keywordOnly } = parameters
  const names = required.length + optional.length
  const bound: Record<string, Json> = Object.create(null)
  for (let i = 0; i < args.length && i < names; i++) bound[nameAt(parameters, i)] = args[i] as Json
  for (const name of Object.keys(kwargs)) {
    const problem = nameProblem(task, parameters, args.length, name)
    if (problem !== undefined) return mismatch(problem)
    bound[name] = kwargs[name] as Json
  }
  // A keyword caller gives the whole list under the rest parameter's own name.
  if (rest !== undefined) {
    if (!(rest in bound)) bound[rest] = args.slice(names)
  } else if (args.length > names) return mismatch(surplus(task, parameters, args.length, kwargs))
  for (const name of required) if (!(name in bound)) return mismatch(missing(task, 'positional', required, bound))
  for (const name of keywordOnly) {
    if (!(name in bound)) return mismatch(missing(task, 'keyword-only', keywordOnly, bound))
  }
  return { kind: 'bound', args: bound }
}

/**
 * Binds arguments from the wire, as {@link bindArguments} does, for the task's own code: all objects in them get the usual
 * prototype, in place.
 */
export function bindReceived(task: string, declared: Declaration, args: readonly Json[], kwargs: JsonObject): Bound {
  const exact = bindByPosition(parametersOf(declared), args, kwargs)
  if (exact !== undefined) return { kind: 'bound', args: exact }
  const bound = bindArguments(task, declared, args, kwargs)
  if (bound.kind === 'bound') ordinary(bound.args)
  return bound
}

/**
 * Binds a call with only positional arguments in the right number, as most of Celery's are; undefined for any other. The object
 * is created in its final form: changing its prototype costs more than the rest of the call.
 */
function bindByPosition(
  parameters: Parameters,
  args: readonly Json[],
  kwargs: JsonObject,
): Record<string, Json> | undefined {
  const { required, optional, rest, keywordOnly, special } = parameters
  if (special || rest !== undefined || keywordOnly.length > 0) return undefined
  if (args.length < required.length || args.length > required.length + optional.length) return undefined
  for (const _ in kwargs) return undefined
  const bound: Record<string, Json> = {}
  for (let i = 0; i < args.length; i++) bound[nameAt(parameters, i)] = ordinary(args[i] as Json)
  return bound
}

/**
 * An error in a call that no further argument can fix, in Python's wording; undefined if the call may still become valid, as with
 * a signature to which the previous task's result is added.
 */
export function partialProblem(task: string, declared: Declaration, args: readonly Json[], kwargs: JsonObject) {
  const parameters = parametersOf(declared)
  for (const name of Object.keys(kwargs)) {
    const problem = nameProblem(task, parameters, args.length, name)
    if (problem !== undefined) return problem
  }
  const { required, optional, rest } = parameters
  const tooMany = rest === undefined && args.length > required.length + optional.length
  return tooMany ? surplus(task, parameters, args.length, kwargs) : undefined
}

/** The arguments of a call: an array for positional ones, an object for named ones. Throws `TWQ_ARGUMENTS` for anything else. */
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
const NONE: readonly string[] = Object.freeze([])

/** Parses a declaration, once per task. Its lists must have passed {@link positionalProblem} and {@link namedProblem}. */
function parametersOf({ positional, named }: Declaration): Parameters {
  // Cached by the task's lists, which are frozen like the task.
  const key = Array.isArray(named) ? (named as readonly string[]) : positional
  let parameters = parsed.get(key)
  if (parameters === undefined) {
    const byName = Array.isArray(named) ? (named as readonly string[]) : NONE
    const required = positional.filter((name) => !name.endsWith('?') && !name.startsWith('...'))
    const rest = positional.find((name) => name.startsWith('...'))?.slice(3)
    const all = [...positional, ...byName].map(bareName)
    const takesAny = named === '*' || (named === undefined && positional.length === 0)
    parameters = {
      required,
      optional: positional.filter(isOptional).map(bareName),
      rest,
      keywordOnly: byName.filter((name) => !isOptional(name)),
      names: takesAny ? undefined : new Set(all),
      special: all.includes('__proto__'),
    }
    parsed.set(key, parameters)
  }
  return parameters
}

function isOptional(entry: string): boolean {
  return entry.endsWith('?')
}

function bareName(entry: string): string {
  return entry.startsWith('...') ? entry.slice(3) : isOptional(entry) ? entry.slice(0, -1) : entry
}

/** The parameter for the positional argument at `index`; it must exist. */
function nameAt({ required, optional }: Parameters, index: number): string {
  return (required[index] ?? optional[index - required.length]) as string
}

/** The problem with an argument given by name, besides `given` positional ones; or undefined. */
function nameProblem(task: string, parameters: Parameters, given: number, name: string): string | undefined {
  const { required, optional, rest, names } = parameters
  if (names !== undefined && !names.has(name)) return unexpectedArgument(task, name, names)
  const first = required.length + optional.length
  const twice = name === rest ? given > first : given > 0 && isAmongFirst(parameters, given, name)
  return twice ? `${task}() got multiple values for argument '${name}'` : undefined
}

function isAmongFirst({ required, optional }: Parameters, count: number, name: string): boolean {
  const place = required.indexOf(name)
  if (place >= 0) return place < count
  const later = optional.indexOf(name)
  return later >= 0 && required.length + later < count
}

/** Longer names are cut: the sender chooses them. */
const LONGEST_NAME = 100

/** Python's sentence about an unknown keyword argument, with the one of `names` that was likely meant. */
export function unexpectedArgument(task: string, name: string, names: Iterable<string>): string {
  const shown = name.length > LONGEST_NAME ? `${startOf(name, LONGEST_NAME)}…` : name
  const meant = name.length > LONGEST_NAME ? undefined : closest(name, names)
  const hint = meant === undefined ? '' : `; did you mean '${meant}'?`
  return `${task}() got an unexpected keyword argument '${shown}'${hint}`
}

/** The problem with a `named` list, combined with a `positional` one; or undefined. */
export function namedProblem(named: unknown, positional: readonly string[]): string | undefined {
  if (named === '*') return undefined
  if (!Array.isArray(named)) return `must be a list of argument names, or '*' for any, got ${typeof named}`
  const seen = new Set(positional.map(bareName))
  for (const [index, entry] of (named as unknown[]).entries()) {
    if (typeof entry !== 'string') return `[${index}] must be an argument name, got ${typeof entry}`
    const name = bareName(entry)
    if (name === '' || entry.startsWith('...')) return `[${index}] must be an argument name, got '${entry}'`
    if (name === '*') return `[${index}]: write named: '*' for any name`
    if (seen.has(name)) return `[${index}] names '${name}' a second time`
    seen.add(name)
  }
  return undefined
}

/** The problem with a `positional` list, or undefined. */
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

/** In its error for too many positional arguments Python counts keyword-only ones as well. */
function surplus(task: string, parameters: Parameters, given: number, kwargs: JsonObject): string {
  const { required, optional, names } = parameters
  const [least, most] = [required.length, required.length + optional.length]
  const takes = least === most ? `${most}` : `from ${least} to ${most}`
  const byName = Object.keys(kwargs).filter((name) => names?.has(name) && !isAmongFirst(parameters, most, name)).length
  const were =
    byName === 0
      ? `${given} ${given === 1 ? 'was' : 'were'}`
      : `${given} positional argument${plural(given)} (and ${byName} keyword-only argument${plural(byName)}) were`
  return `${task}() takes ${takes} positional argument${least === most ? plural(most) : 's'} but ${were} given`
}

function missing(task: string, kind: 'positional' | 'keyword-only', names: readonly string[], bound: object): string {
  const quoted = names.filter((name) => !(name in bound)).map((name) => `'${name}'`)
  const count = quoted.length
  const last = quoted.pop()
  const list = quoted.length === 0 ? last : `${quoted.join(', ')}${quoted.length > 1 ? ',' : ''} and ${last}`
  return `${task}() missing ${count} required ${kind} argument${plural(count)}: ${list}`
}

function plural(count: number): string {
  return count === 1 ? '' : 's'
}
