import { isDeepStrictEqual } from 'node:util'
import { messageOf, TwqError } from '../errors.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { bindArguments, type Declaration, unexpectedArgument } from './arguments.ts'
import { type StandardSchemaV1, validate } from './schema.ts'

/** The arguments as output by the schema; or the error of a call that does not fit, with Python's name and wording. */
export type ValidCall =
  | { readonly kind: 'valid'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly error: 'TypeError' | 'ValueError'; readonly message: string }

/**
 * Validates bound arguments with a task's schema. If the task lists no names, its schema declares them: an argument that the
 * schema ignores is unexpected. Throws only what the schema itself throws.
 */
export function validateCall(
  task: Declaration & { readonly name: string },
  schema: StandardSchemaV1,
  args: Readonly<Record<string, unknown>>,
): ValidCall | Promise<ValidCall> {
  const validated = validate(schema, args)
  if (validated instanceof Promise) return validated.then((answer) => judge(task, schema, args, answer))
  return judge(task, schema, args, validated)
}

/** What arguments are checked against: any task made by `defineTask` fits. */
export interface CheckableTask extends Declaration {
  readonly name: string
  readonly schema: StandardSchemaV1 | undefined
}

/** Rejects with `TWQ_ARGUMENTS` for arguments that a task does not accept: unknown names, or values that its schema refuses. */
export async function checkArguments(task: CheckableTask, args: readonly Json[], kwargs: JsonObject): Promise<void> {
  const { name, schema } = task
  const bound = bindArguments(name, task, args, kwargs)
  if (bound.kind === 'mismatch') throw new TwqError('TWQ_ARGUMENTS', bound.message)
  if (schema === undefined) return
  const checked = await validated(() => validateCall(task, schema, bound.args))
  if (checked.kind === 'invalid') throw new TwqError('TWQ_ARGUMENTS', checked.message)

  async function validated<T>(validate: () => T): Promise<Awaited<T>> {
    try {
      return await validate()
    } catch (cause) {
      throw new TwqError('TWQ_ARGUMENTS', `the schema of ${name} failed: ${messageOf(cause)}`, { cause })
    }
  }
}

function judge(
  { name: task, named }: Declaration & { readonly name: string },
  schema: StandardSchemaV1,
  args: Readonly<Record<string, unknown>>,
  validated: Awaited<ReturnType<typeof validate>>,
): ValidCall | Promise<ValidCall> {
  if (validated.kind === 'invalid') {
    return { kind: 'invalid', error: 'ValueError', message: `${task}() got invalid arguments: ${validated.message}` }
  }
  if (named !== undefined) return validated
  const { value } = validated
  const suspects = Object.keys(args).filter((name) => !holds(value, name) && !read.get(schema)?.has(name))
  if (suspects.length === 0) return validated
  return firstStripped(schema, args, value, suspects).then((name) =>
    name === undefined
      ? validated
      : { kind: 'invalid', error: 'TypeError', message: unexpectedArgument(task, name, Object.keys(Object(value))) },
  )
}

function holds(output: unknown, name: string): boolean {
  if (typeof output !== 'object' || output === null) return false
  return Object.hasOwn(output, name) || (name in output && !(name in Object.prototype))
}

/** Names that a schema has been seen to read though its output lacks them; bounded for each schema. */
const read = new WeakMap<StandardSchemaV1, Set<string>>()
const MOST_READ = 1_000

/**
 * The first of `suspects` that `schema` ignores: without it, and with another value in its place, the output is the same. Both
 * are needed, since an optional argument may have been given its default.
 */
async function firstStripped(
  schema: StandardSchemaV1,
  args: Readonly<Record<string, unknown>>,
  output: unknown,
  suspects: readonly string[],
): Promise<string | undefined> {
  const known = read.get(schema) ?? new Set()
  read.set(schema, known)
  for (const name of suspects) {
    const { [name]: _, ...others } = args
    const instead = { ...others, [name]: Symbol('another value') }
    if ((await makes(schema, others, output)) && (await makes(schema, instead, output))) return name
    if (known.size < MOST_READ) known.add(name)
  }
  return undefined
}

/** Whether `schema` also produces `output` from these. If it throws or refuses, it has read them. */
async function makes(schema: StandardSchemaV1, args: object, output: unknown): Promise<boolean> {
  try {
    const validated = await validate(schema, args)
    return validated.kind === 'valid' && isDeepStrictEqual(validated.value, output)
  } catch {
    return false
  }
}
