import { messageOf, TwqError } from '../errors.ts'
import { tagBytes, tagDate } from './json-tags.ts'
import { formatTimestamp, isWritable } from './timestamps.ts'

/** Levels of nesting that are written: below what `parseJson` takes, so that an envelope fits around the value. */
export const MAX_WRITTEN_DEPTH = 250

/**
 * Writes the JSON that `JSON.stringify` can't, and says where a value has no JSON form. `path` names the value in errors;
 * without `tags` dates are plain strings and bytes are refused, as in kombu before 5.3.
 */
export function writeJson(value: unknown, path: string, tags: boolean): string {
  try {
    return write(value, path, { tags, ancestors: new Set() }) ?? 'null'
  } catch (error) {
    if (TwqError.is(error)) throw error
    throw new TwqError('TWQ_UNSERIALISABLE', `${path} can't be written as JSON: ${messageOf(error)}`, { cause: error })
  }
}

interface Context {
  readonly tags: boolean
  readonly ancestors: Set<object>
}

/** The text of a value; undefined where it is left out of an object. */
function write(value: unknown, path: string, context: Context): string | undefined {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'number':
      return writeNumber(value)
    case 'undefined':
      return undefined
    case 'object':
      return value === null ? 'null' : writeObject(value, path, context)
    default:
      throw unserialisable(path, `is a ${typeof value}`)
  }
}

function writeNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return 'Infinity'
  if (value === Number.NEGATIVE_INFINITY) return '-Infinity'
  // Digits alone would be read back as an exact integer, which a number of this size is not.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return value.toExponential()
  return JSON.stringify(value)
}

function writeObject(value: object, path: string, context: Context): string | undefined {
  if (value instanceof Date) return writeDate(value, path, context)
  if (value instanceof Uint8Array) return writeBytes(value, path, context)
  if (context.ancestors.has(value)) throw unserialisable(path, 'refers back to a value that contains it')
  if (context.ancestors.size >= MAX_WRITTEN_DEPTH) {
    throw unserialisable(path, `is nested more than ${MAX_WRITTEN_DEPTH} levels deep`)
  }
  context.ancestors.add(value)
  const text = writeContainer(value, path, context)
  context.ancestors.delete(value)
  return text
}

function writeContainer(value: object, path: string, context: Context): string | undefined {
  if ('toJSON' in value && typeof value.toJSON === 'function') return write(value.toJSON(), path, context)
  if (Array.isArray(value)) {
    const elements = Array.from(value, (element, index) => write(element, `${path}[${index}]`, context) ?? 'null')
    return `[${elements.join(',')}]`
  }
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (kind !== 'Object') {
    const hint = kind === 'Promise' ? 'an await is missing' : 'convert it to an object, an array or a string first'
    throw unserialisable(path, `is a ${kind}`, hint)
  }
  const members: string[] = []
  for (const key of Object.keys(value)) {
    const text = write((value as Record<string, unknown>)[key], memberPath(path, key), context)
    if (text !== undefined) members.push(`${JSON.stringify(key)}:${text}`)
  }
  return `{${members.join(',')}}`
}

function writeDate(date: Date, path: string, context: Context): string {
  if (!isWritable(date.getTime())) {
    const what = Number.isNaN(date.getTime()) ? 'is an invalid Date' : 'is a Date outside the years 1 to 9999'
    throw unserialisable(path, `${what}, which Python does not have`)
  }
  return context.tags ? tagDate(date) : `"${formatTimestamp(date.getTime()).replace('+00:00', 'Z')}"`
}

function writeBytes(bytes: Uint8Array, path: string, context: Context): string {
  if (context.tags) return tagBytes(bytes)
  throw unserialisable(path, 'holds bytes, which a peer with kombu before 5.3 can not read')
}

function memberPath(path: string, key: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`
}

function unserialisable(path: string, what: string, hint?: string): TwqError {
  return new TwqError('TWQ_UNSERIALISABLE', `${path} ${what}: it has no JSON form`, { hint })
}
