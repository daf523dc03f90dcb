import { isAscii } from 'node:buffer'
import { messageOf, TwqError } from '../errors.ts'
import type { Json } from '../runtime/json.ts'
import { readJson } from './json-reader.ts'
import { isTagged, untag } from './json-tags.ts'
import { MAX_WRITTEN_DEPTH, tooLarge, writeJson } from './json-writer.ts'

/** Limits for parsed JSON, since the text comes from any sender. */
export interface JsonLimits {
  /** Bytes, or characters of a text. Default 16 MiB. */
  readonly maxSize?: number
  /** Levels of nesting. Default 256: Python's own parser ends near 1,000, and V8's `structuredClone` below 10,000. */
  readonly maxDepth?: number
  /** Values in total. Default one million. */
  readonly maxValues?: number
}

const DEFAULT_LIMITS = { maxSize: 16 * 1024 * 1024, maxDepth: 256, maxValues: 1_000_000 }

/**
 * Parses JSON as Python and kombu write it: plain JSON, the bare words `NaN` and `Infinity`, integers of any size, and kombu's
 * typed values (wire specification 2.5). Objects have no prototype. Throws only a `TwqError` with the code
 * `TWQ_MESSAGE_MALFORMED`.
 */
export function parseJson(source: string | Uint8Array, limits: JsonLimits = {}): Json {
  const maxSize = limits.maxSize ?? DEFAULT_LIMITS.maxSize
  if (source.length > maxSize) {
    throw malformed(
      `${source.length} ${typeof source === 'string' ? 'characters' : 'bytes'} of JSON are more than the ${maxSize} allowed`,
    )
  }
  const text = typeof source === 'string' ? source : jsonText(source)
  const plain = isPlainJson(
    text,
    limits.maxDepth ?? DEFAULT_LIMITS.maxDepth,
    limits.maxValues ?? DEFAULT_LIMITS.maxValues,
  )
  if (!plain) return readJson(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw malformed(`not JSON: ${messageOf(error)}`, error)
  }
  return adopt(value)
}

/** How a value is written. */
export interface StringifyOptions {
  /** The name of the value in an error. Default `value`. */
  readonly path?: string
  /** False writes dates as plain strings and refuses bytes, for peers whose kombu is older than 5.3. Default true. */
  readonly tags?: boolean
  /** Bytes above which it is refused while being written. Default 128 MiB. */
  readonly maxSize?: number
}

/** RabbitMQ's default limit for a message; smaller from version 4 on. */
const LARGEST_WRITTEN = 128 * 1024 * 1024

/**
 * Writes JSON that Python and kombu can read: `bigint` with all its digits, `Date` and `Uint8Array` as kombu's typed values,
 * non-finite numbers as bare words, integral numbers beyond 2^53 as floats. `undefined` is omitted from objects and null
 * elsewhere. `toJSON` methods are called. Throws `TWQ_UNSERIALISABLE`, naming the path, for a value without a JSON form, and for
 * one larger than `maxSize` (see `isTooLarge`).
 */
export function stringifyJson(value: unknown, options: StringifyOptions = {}): string {
  const { path = 'value', tags = true, maxSize = LARGEST_WRITTEN } = options
  const text = plainText(value, path, maxSize) ?? writeJson(value, { path, tags, maxSize })
  if (!fits(text, maxSize)) throw tooLarge(path, maxSize)
  return text
}

function fits(text: string, maxSize: number): boolean {
  // A character takes at most three bytes, so most texts need not be scanned.
  return text.length * 3 <= maxSize || Buffer.byteLength(text) <= maxSize
}

/**
 * A value as a reader of its JSON would get it: unchanged if `JSON.stringify` can write it, else its parsed JSON, so that its
 * methods and getters are not called again. Throws as {@link stringifyJson}.
 */
export function portableJson(value: unknown, options: StringifyOptions = {}): Json {
  const { path = 'value', maxSize = LARGEST_WRITTEN } = options
  const text = plainText(value, path, maxSize)
  return text !== undefined && fits(text, maxSize)
    ? (value as Json)
    : parseJson(stringifyJson(value, options), NO_LIMITS)
}

const NO_LIMITS = { maxSize: Number.POSITIVE_INFINITY, maxValues: Number.POSITIVE_INFINITY }

/** The JSON of a value by `JSON.stringify`, if that can write it. Throws if it would be too large. */
function plainText(value: unknown, path: string, maxSize: number): string | undefined {
  let left = NEEDS_HELP
  try {
    if (value !== undefined) left = unwritten(value, 0, maxSize)
    if (left >= 0) return JSON.stringify(value)
  } catch {
    // A getter throws, or answers differently the second time: the slower writer reports which.
    return undefined
  }
  if (left === NEEDS_HELP) return undefined
  throw tooLarge(path, maxSize)
}

function malformed(message: string, cause?: unknown): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', message, { cause })
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * The text that {@link parseJson} parses of these bytes: without a byte order mark at its start. Throws `TWQ_MESSAGE_MALFORMED`.
 */
export function jsonText(bytes: Uint8Array): string {
  if (isAscii(bytes)) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw malformed('the bytes are not UTF-8', error)
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const CAPITAL_I = 0x49
const CAPITAL_N = 0x4e
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Integers with fewer digits are exact as numbers. */
const EXACT_DIGITS = 15

/**
 * Scans a text before anything is built from it. Throws if it is nested too deeply or holds too many values; false if
 * `JSON.parse` would reject or round it: bare `NaN` and `Infinity`, long integers. It need not tell valid from invalid JSON; the
 * parsers do.
 */
function isPlainJson(text: string, maxDepth: number, maxValues: number): boolean {
  let plain = true
  let depth = 0
  let values = 1
  let digits = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= ZERO && code <= NINE) {
      if (++digits > EXACT_DIGITS) plain = false
      continue
    }
    // Digits of a fraction never lose more precision than in Python's float.
    digits = code === DOT ? Number.NEGATIVE_INFINITY : 0
    switch (code) {
      case QUOTE:
        at = endOfString(text, at)
        break
      case OPEN_BRACE:
      case OPEN_BRACKET:
        values++
        if (++depth > maxDepth) throw malformed(`the JSON is nested more than ${maxDepth} levels deep`)
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        depth--
        break
      case COMMA:
        if (++values > maxValues) throw malformed(`the JSON holds more than ${maxValues} values`)
        break
      case CAPITAL_I:
      case CAPITAL_N:
        plain = false
        break
    }
  }
  return plain
}

/** The position of the quote that closes the string opened at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start
  for (;;) {
    at = text.indexOf('"', at + 1)
    if (at === -1) return text.length
    let backslashes = 0
    while (text.charCodeAt(at - backslashes - 1) === BACKSLASH) backslashes++
    // A quote after an odd number of backslashes is escaped.
    if (backslashes % 2 === 0) return at
  }
}

/** Converts the output of `JSON.parse` in place: no prototypes, typed values decoded. The depth was checked before. */
function adopt(value: unknown): Json {
  if (typeof value !== 'object' || value === null) return value as Json
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      const element = value[index]
      if (typeof element === 'object' && element !== null) value[index] = adopt(element)
    }
    return value
  }
  const object = Object.setPrototypeOf(value, null) as Record<string, unknown>
  for (const key in object) {
    const member = object[key]
    if (typeof member === 'object' && member !== null) object[key] = adopt(member)
  }
  const json = object as Record<string, Json>
  return isTagged(json) ? untag(json) : json
}

const NEEDS_HELP = -1

/**
 * The remainder of `bytes` if `value` is written as shortly as possible; negative if it does not fit, and `NEEDS_HELP` if
 * `JSON.stringify` does not write it as {@link stringifyJson} promises.
 */
function unwritten(value: unknown, depth: number, bytes: number): number {
  switch (typeof value) {
    case 'string':
      return bytes - value.length - 2
    case 'boolean':
      return bytes - 4
    case 'undefined':
      // Omitted from an object.
      return bytes - 1
    case 'number':
      return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? bytes - 1 : NEEDS_HELP
    case 'object': {
      if (value === null) return bytes - 4
      if (depth >= MAX_WRITTEN_DEPTH) return NEEDS_HELP
      const prototype = Object.getPrototypeOf(value)
      let left = bytes - 1
      if (Array.isArray(value)) {
        if (prototype !== Array.prototype) return NEEDS_HELP
        const { length } = value
        for (let index = 0; index < length && left >= 0; index++) {
          const element = value[index]
          // As below, without a function call: long arrays mostly hold numbers.
          if (typeof element === 'number' && Math.abs(element) <= Number.MAX_SAFE_INTEGER) left -= 2
          else left = unwritten(element, depth + 1, left - 1)
        }
        return left
      }
      if (prototype !== Object.prototype && prototype !== null) return NEEDS_HELP
      for (const key in value) {
        const member = (value as Record<string, unknown>)[key]
        if (member === undefined) continue
        left = unwritten(member, depth + 1, left - key.length - 4)
        if (left < 0) return left
      }
      return left
    }
    default:
      return NEEDS_HELP
  }
}
