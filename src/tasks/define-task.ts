import { TwqError } from '../errors.ts'
import { isPriority } from '../protocol/routes.ts'
import { closest } from '../runtime/closest.ts'
import { parseRate } from '../runtime/token-bucket.ts'
import { positionalProblem } from './arguments.ts'
import { TASK_BRAND } from './brand.ts'
import { celeryAttribute } from './celery-attributes.ts'
import type { TaskContext } from './context.ts'
import { retryPolicyProblem } from './retry-policy.ts'
import { isSchema, type StandardSchemaV1 } from './schema.ts'
import type { Task, TaskSettings } from './task.ts'
import { timeLimitProblem } from './time-limits.ts'

/** `'name'`, `'name?'` for an optional argument, and a last `'...name'` for all that remain. */
export type Positional<Name extends string> =
  | readonly (Name | `${Name}?`)[]
  | readonly [...(Name | `${Name}?`)[], `...${Name}`]

/**
 * Defines a task. With a `schema` the code gets what the schema puts out, and callers give what it takes in; without one
 * the annotation on `run` types both. Throws `TWQ_TASK_DEFINITION` when something in it can't be meant.
 */
export function defineTask<const Name extends string, Schema extends StandardSchemaV1, Result>(
  definition: TaskSettings & {
    readonly name: Name
    readonly schema: Schema
    readonly positional?: Positional<keyof StandardSchemaV1.InferInput<Schema> & string>
    run(args: StandardSchemaV1.InferOutput<Schema>, ctx: TaskContext): Result
  },
): Task<Name, StandardSchemaV1.InferInput<Schema>, Awaited<Result>, StandardSchemaV1.InferOutput<Schema>>
export function defineTask<const Name extends string, Result, Args extends object = Record<never, never>>(
  definition: TaskSettings & {
    readonly name: Name
    readonly schema?: undefined
    readonly positional?: Positional<keyof Args & string>
    run(args: Args, ctx: TaskContext): Result
  },
): Task<Name, Args, Awaited<Result>>
export function defineTask(definition: Definition): Task<string, unknown, unknown> {
  check(definition)
  const { name, positional = [], schema, run, ...settings } = definition
  return Object.freeze({
    [TASK_BRAND]: true,
    name,
    settings: Object.freeze(settings),
    positional: Object.freeze([...positional]),
    schema,
    run,
    '~types': undefined,
  })
}

interface Definition extends TaskSettings {
  readonly name: string
  readonly schema?: StandardSchemaV1 | undefined
  readonly positional?: readonly string[]
  run(args: unknown, ctx: TaskContext): unknown
}

/** For each key of a definition: what is wrong with its value, or undefined. */
const PROBLEMS: { readonly [Key in keyof Required<Definition>]: (value: unknown) => string | undefined } = {
  name: nameProblem,
  positional: positionalProblem,
  schema: (value) =>
    isSchema(value) ? undefined : `must be a Standard Schema (zod, valibot, arktype, …), ${got(value)}`,
  run: (value) => (typeof value === 'function' ? undefined : `must be a function, ${got(value)}`),
  queue: (value) => (typeof value === 'string' && value !== '' ? undefined : `must be a queue's name, ${got(value)}`),
  priority: (value) => (isPriority(value) ? undefined : `must be a whole number from 0 to 255, ${got(value)}`),
  retry: retryPolicyProblem,
  acks: (value) => (value === 'late' || value === 'early' ? undefined : `must be 'late' or 'early', ${got(value)}`),
  ackOnFailure: booleanProblem,
  ackOnTimeout: booleanProblem,
  rejectOnLost: booleanProblem,
  rateLimit: (value) =>
    parseRate(value) === undefined ? `must be a rate like '10/s', '100/m' or '5/h', ${got(value)}` : undefined,
  ignoreResult: booleanProblem,
  trackStarted: booleanProblem,
  timeLimit: timeLimitProblem,
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
    const problem = find(values[key])
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

function booleanProblem(value: unknown): string | undefined {
  return typeof value === 'boolean' ? undefined : `must be true or false, ${got(value)}`
}

function got(value: unknown): string {
  return `got ${typeof value === 'string' ? JSON.stringify(value) : value === null ? 'null' : typeof value === 'object' || typeof value === 'function' ? typeof value : String(value)}`
}
