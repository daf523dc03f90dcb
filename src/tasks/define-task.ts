import { TwqError } from '../errors.ts'
import { COMPRESSION_NAMES, isCompression } from '../protocol/compression.ts'
import { isPriority } from '../protocol/queue/routes.ts'
import type { Json } from '../runtime/json.ts'
import { closest } from '../runtime/text/closest.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { parseRate } from '../runtime/time/token-bucket.ts'
import { namedProblem, positionalProblem } from './arguments.ts'
import { TASK_BRAND } from './brand.ts'
import { celeryAttribute } from './celery-attributes.ts'
import type { TaskContext } from './context.ts'
import { pluginProblems } from './plugin-problems.ts'
import type { WithoutJson } from './result-types.ts'
import { retryPolicyProblem } from './retry-policy.ts'
import { isSchema, type StandardSchemaV1 } from './schema.ts'
import type { Task, TaskSettings } from './task.ts'
import { timeLimitProblem } from './time-limits.ts'

/** `'name'`, `'name?'` for an optional argument, and a last `'...name'` for all remaining ones. */
export type Positional<Name extends string> =
  | readonly [...(Name | `${Name}?`)[], `...${Name}`]
  | readonly (Name | `${Name}?`)[]

/** Keyword-only arguments, with `'name?'` for an optional one; `'*'` accepts any name. */
export type Named<Name extends string> = '*' | readonly (Name | `${Name}?`)[]

/** The arguments of code whose parameter has no declared type. */
export type NoArguments = Record<never, never>

/** Requires that listed arguments exist and, if there is a list, that all of them are listed. */
type Checked<Input, P, N> = 0 extends 1 & Input
  ? unknown
  : [P, N] extends [undefined, readonly []]
    ? unknown
    : [KeysOf<Input>] extends [never]
      ? unknown
      : [BareName<Listed<P> | Listed<N>>] extends [KeysOf<Input>]
        ? P extends Positional<KeysOf<Input>> | undefined
          ? Complete<N, Exclude<KeysOf<Input>, BareName<Listed<P> | Listed<N>>>>
          : { readonly positional?: Positional<KeysOf<Input>> }
        : { readonly positional?: Positional<KeysOf<Input>>; readonly named?: Named<KeysOf<Input>> }

/** Reports the arguments missing from both lists; for an object that may have any key, requires `'*'`. */
type Complete<N, Missing extends string> = N extends '*'
  ? unknown
  : [Missing] extends [never]
    ? unknown
    : N extends readonly []
      ? { readonly named: '*' | readonly (Missing | `${Missing}?`)[] }
      : { readonly named: `'${Missing}' must be named, too` }

/** Rejects code whose result has no JSON form. */
type Encodable<Problem> = [Problem] extends [never] ? unknown : { readonly run: Problem }

/** Those of each alternative. */
type KeysOf<Input> = Input extends unknown ? keyof Input & string : never
type Listed<List> = List extends readonly (infer Entry extends string)[] ? Entry : never
type BareName<Entry> = Entry extends `...${infer Name}` ? Name : Entry extends `${infer Name}?` ? Name : Entry

/** The arguments for callers of a task without a schema: the listed ones. */
type Stated<Args, Names> = [KeysOf<Args>, Args] extends [never, object]
  ? [Names] extends [never]
    ? Args
    : Unused<Names>
  : Args

type Unused<Names> = {
  readonly [Entry in Names as Entry extends `${string}?` | `...${string}` ? never : Entry & string]: Json
} & { readonly [Entry in Names as Entry extends `${string}?` ? BareName<Entry> & string : never]?: Json } & {
  readonly [Entry in Names as Entry extends `...${string}` ? BareName<Entry> & string : never]?: readonly Json[]
}

/**
 * Defines a task. With a `schema` the code gets the schema's output and callers give its input; without one the annotation on
 * `run` types both. Throws `TWQ_TASK_DEFINITION` if something in it is invalid.
 */
// A single signature instead of overloads with and without a schema: for overloads TypeScript would report the errors of each.
export function defineTask<
  const Name extends string,
  Result,
  Args = NoArguments,
  Input = Args,
  const P extends readonly string[] | undefined = undefined,
  const N extends readonly string[] | '*' = readonly [],
>(
  definition: TaskSettings & {
    readonly name: Name
    readonly schema?: StandardSchemaV1<Input, Args>
    /** The names that Python's positional arguments bind to, in this order. Without `named` no other names are accepted. */
    readonly positional?: P
    /** Further, keyword-only arguments; `'*'` accepts any name. Without this and `positional`, any name is accepted. */
    readonly named?: N
    run(args: Args, ctx: TaskContext): Result
  } & NoInfer<Checked<Input, P, N>> &
    NoInfer<Encodable<WithoutJson<Awaited<Result>>>>,
): Task<Name, Stated<Input, Listed<P> | Listed<N>>, Awaited<Result>, Stated<Args, Listed<P> | Listed<N>>>
export function defineTask(definition: unknown): Task<string, unknown, unknown> {
  check(definition)
  const { name, positional, named, schema, run, ...settings } = definition
  // A list of positional arguments alone accepts no other names, like a Python function without `**kwargs`.
  const byName = named ?? (positional === undefined ? undefined : [])
  return Object.freeze({
    [TASK_BRAND]: true,
    name,
    settings: Object.freeze(settings),
    positional: Object.freeze([...(positional ?? [])]),
    named: Array.isArray(byName) ? Object.freeze([...byName]) : byName,
    schema,
    run,
    '~types': undefined,
  }) as Task<string, unknown, unknown>
}

interface Definition extends TaskSettings {
  readonly name: string
  readonly schema?: StandardSchemaV1 | undefined
  readonly positional?: readonly string[]
  readonly named?: readonly string[] | '*'
  run(args: unknown, ctx: TaskContext): unknown
}

/** For each key of a definition: the problem with its value, or undefined. */
const PROBLEMS: {
  readonly [Key in keyof Required<Definition>]: (value: unknown, definition: Definition) => string | undefined
} = {
  name: nameProblem,
  positional: positionalProblem,
  named: (value, { positional }) => namedProblem(value, positional ?? []),
  schema: (value) =>
    isSchema(value) ? undefined : `must be a Standard Schema (zod, valibot, arktype, …), ${got(value)}`,
  run: (value) => (typeof value === 'function' ? undefined : `must be a function, ${got(value)}`),
  queue: (value) => (typeof value === 'string' && value !== '' ? undefined : `must be a queue's name, ${got(value)}`),
  priority: (value) => (isPriority(value) ? undefined : `must be a whole number from 0 to 255, ${got(value)}`),
  retry: retryPolicyProblem,
  acks: (value) => (value === 'late' || value === 'early' ? undefined : `must be 'late' or 'early', ${got(value)}`),
  ackOnFailure: booleanProblem,
  keepFailed: (value) =>
    value === false || value === 'headers' ? undefined : `must be false or 'headers', ${got(value)}`,
  ackOnTimeout: booleanProblem,
  rejectOnLost: booleanProblem,
  rateLimit: (value) =>
    parseRate(value) === undefined ? `must be a rate like '10/s', '100/m' or '5/h', ${got(value)}` : undefined,
  ignoreResult: booleanProblem,
  expires: (value) =>
    (parseDuration(value) ?? 0) > 0 ? undefined : `must be milliseconds or a duration like '10m', ${got(value)}`,
  compression: (value) => (isCompression(value) ? undefined : `must be ${COMPRESSION_NAMES}, ${got(value)}`),
  argsRepr: displayProblem,
  kwargsRepr: displayProblem,
  trackStarted: booleanProblem,
  timeLimit: timeLimitProblem,
  plugins: taskPluginProblem,
}
const REQUIRED: readonly string[] = ['name', 'run']

function check(definition: unknown): asserts definition is Definition {
  if (typeof definition !== 'object' || definition === null) {
    throw new TwqError('TWQ_TASK_DEFINITION', `defineTask takes an object, ${got(definition)}`, {
      hint: "Write defineTask({ name: 'math.add', positional: ['x', 'y'], run({ x, y }: { x: number; y: number }) { return x + y } })",
    })
  }
  const values = definition as Record<string, unknown>
  const task = typeof values.name === 'string' && values.name !== '' ? `task '${values.name}'` : 'defineTask'
  for (const key of new Set([...REQUIRED, ...Object.keys(values)])) {
    const find = Object.hasOwn(PROBLEMS, key) ? PROBLEMS[key as keyof Definition] : undefined
    if (find === undefined) throw unknownKey(task, key)
    if (values[key] === undefined && !REQUIRED.includes(key)) continue
    const problem = find(values[key], definition as Definition)
    if (problem !== undefined) {
      throw new TwqError('TWQ_TASK_DEFINITION', `${task}: ${key}${/^[.[]/.test(problem) ? '' : ' '}${problem}`)
    }
  }
}

function unknownKey(task: string, key: string): TwqError {
  const meant = closest(key, Object.keys(PROBLEMS))
  const guess = meant ? `Did you mean '${meant}'?` : `A task may have: ${Object.keys(PROBLEMS).join(', ')}`
  return new TwqError('TWQ_TASK_DEFINITION', `${task}: unknown setting '${key}'`, {
    hint: celeryAttribute(key) ?? guess,
  })
}

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string') return `must be the name that callers send, ${got(name)}`
  if (name === '') return 'must not be empty'
  if (name !== name.trim()) return `must not begin or end with white space, ${got(name)}`
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) return `must not contain control characters, ${got(name)}`
  return undefined
}

/** Sends and worker events do not belong to one task: those hooks belong in the configuration. */
function taskPluginProblem(value: unknown): string | undefined {
  const [problem] = pluginProblems(value)
  if (problem !== undefined) return problem.trimStart()
  for (const [index, plugin] of (value as readonly Partial<Record<string, unknown>>[]).entries()) {
    const part = ['aroundSend', 'on'].find((name) => plugin[name] !== undefined)
    if (part === undefined) continue
    return `[${index}] ('${plugin.name}') has ${part}: a plugin of a task has start and aroundAttempt; give it in \`plugins\` of the configuration`
  }
  return undefined
}

function booleanProblem(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, ${got(value)}`
}

function displayProblem(value: unknown): string | undefined {
  const fits = (typeof value === 'string' && value !== '') || typeof value === 'function'
  return fits ? undefined : `must be a text, or a function of the arguments that returns one, ${got(value)}`
}

function got(value: unknown): string {
  return `got ${shownValue(value)}`
}
