import type { StandardSchemaV1 } from '@standard-schema/spec'

export type { StandardSchemaV1 } from '@standard-schema/spec'

/** The value that a schema returned, or one sentence with its issues. */
export type Validated =
  | { readonly kind: 'valid'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly message: string }

/** Whether `value` is a schema by the Standard Schema convention (zod, valibot, arktype and others). */
export function isSchema(value: unknown): value is StandardSchemaV1 {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as { readonly '~standard'?: { readonly validate?: unknown } })['~standard']
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function'
}

/** Validates a value with a schema. Throws only what the schema itself throws. */
export function validate(schema: StandardSchemaV1, value: unknown): Validated | Promise<Validated> {
  const result = schema['~standard'].validate(value)
  return isThenable(result) ? Promise.resolve(result).then(readResult) : readResult(result)
}

/** A promise of another realm or library is none of this realm's `Promise`. */
function isThenable<T>(result: T | PromiseLike<T>): result is PromiseLike<T> {
  return typeof (result as { readonly then?: unknown }).then === 'function'
}

function readResult(result: StandardSchemaV1.Result<unknown>): Validated {
  if (result.issues === undefined) return { kind: 'valid', value: result.value }
  return { kind: 'invalid', message: describeIssues(result.issues) }
}

// Enough to see what is wrong; ten thousand bad elements must not produce a message of a megabyte.
const MOST_ISSUES = 10

/** `userId: expected number; address.lines[0]: too long`. */
export function describeIssues(issues: readonly StandardSchemaV1.Issue[]): string {
  const shown = issues.slice(0, MOST_ISSUES).map(({ path, message }) => {
    const where = pathText(path ?? [])
    return where === '' ? message : `${where}: ${message}`
  })
  if (issues.length > MOST_ISSUES) shown.push(`and ${issues.length - MOST_ISSUES} more`)
  return shown.join('; ')
}

function pathText(path: readonly (PropertyKey | StandardSchemaV1.PathSegment)[]): string {
  let text = ''
  for (const segment of path) {
    const key = typeof segment === 'object' ? segment.key : segment
    if (typeof key === 'number') text += `[${key}]`
    else text += text === '' ? String(key) : `.${String(key)}`
  }
  return text
}
