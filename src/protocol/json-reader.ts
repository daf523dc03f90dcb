import { TwqError } from '../errors.ts'
import type { Json } from '../runtime/json.ts'
import { isTagged, untag } from './json-tags.ts'

/** Python refuses to convert longer ones (`sys.set_int_max_str_digits`), since the work grows with the square of the length. */
export const MAX_INTEGER_DIGITS = 4300

const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const STRING_END = /["\\]/g

/**
 * Parses JSON that `JSON.parse` can't: bare `NaN`, `Infinity` and `-Infinity`, and integers with all their digits. Recursive, so
 * the caller must have bounded the depth. Throws `TWQ_MESSAGE_MALFORMED` with the position.
 */
export function readJson(text: string): Json {
  const cursor = { text, at: 0 }
  const value = readValue(cursor)
  skipSpace(cursor)
  if (cursor.at < text.length) throw unexpected(cursor)
  return value
}

interface Cursor {
  readonly text: string
  at: number
}

function readValue(cursor: Cursor): Json {
  skipSpace(cursor)
  switch (cursor.text[cursor.at]) {
    case '{':
      return readObject(cursor)
    case '[':
      return readArray(cursor)
    case '"':
      return readString(cursor)
    case 't':
      return readWord(cursor, 'true', true)
    case 'f':
      return readWord(cursor, 'false', false)
    case 'n':
      return readWord(cursor, 'null', null)
    case 'N':
      return readWord(cursor, 'NaN', Number.NaN)
    case 'I':
      return readWord(cursor, 'Infinity', Number.POSITIVE_INFINITY)
    default:
      return readNumber(cursor)
  }
}

function readObject(cursor: Cursor): Json {
  const object: Record<string, Json> = Object.create(null)
  cursor.at++
  skipSpace(cursor)
  if (take(cursor, '}')) return object
  do {
    skipSpace(cursor)
    const key = readString(cursor)
    skipSpace(cursor)
    expect(cursor, ':')
    object[key] = readValue(cursor)
    skipSpace(cursor)
  } while (take(cursor, ','))
  expect(cursor, '}')
  return isTagged(object) ? untag(object) : object
}

function readArray(cursor: Cursor): Json {
  const array: Json[] = []
  cursor.at++
  skipSpace(cursor)
  if (take(cursor, ']')) return array
  do {
    array.push(readValue(cursor))
    skipSpace(cursor)
  } while (take(cursor, ','))
  expect(cursor, ']')
  return array
}

function readString(cursor: Cursor): string {
  const start = cursor.at
  expect(cursor, '"')
  for (;;) {
    STRING_END.lastIndex = cursor.at
    const end = STRING_END.exec(cursor.text)
    if (end === null) throw failure('unterminated string', start)
    if (end[0] === '"') {
      cursor.at = end.index + 1
      break
    }
    cursor.at = end.index + 2
  }
  try {
    // JSON.parse handles escapes and rejects characters that must be escaped.
    return JSON.parse(cursor.text.slice(start, cursor.at)) as string
  } catch {
    throw failure('invalid string', start)
  }
}

function readNumber(cursor: Cursor): number | bigint {
  if (cursor.text.startsWith('-Infinity', cursor.at)) {
    return readWord(cursor, '-Infinity', Number.NEGATIVE_INFINITY)
  }
  NUMBER.lastIndex = cursor.at
  const match = NUMBER.exec(cursor.text)
  if (match === null) throw unexpected(cursor)
  const [literal, fraction, exponent] = match
  cursor.at += literal.length
  const number = Number(literal)
  if (fraction !== undefined || exponent !== undefined || Number.isSafeInteger(number)) return number
  const digits = digitsIn(literal)
  if (digits > MAX_INTEGER_DIGITS) {
    throw failure(`an integer of ${digits} digits is longer than the ${MAX_INTEGER_DIGITS} allowed`, match.index)
  }
  return BigInt(literal)
}

/** The digits of an integer; its sign is none, as in Python's limit. */
export function digitsIn(integer: string): number {
  return integer.startsWith('-') ? integer.length - 1 : integer.length
}

function readWord<T>(cursor: Cursor, word: string, value: T): T {
  if (!cursor.text.startsWith(word, cursor.at)) throw unexpected(cursor)
  cursor.at += word.length
  return value
}

function skipSpace(cursor: Cursor): void {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
    cursor.at++
  }
}

function take(cursor: Cursor, character: string): boolean {
  if (cursor.text[cursor.at] !== character) return false
  cursor.at++
  return true
}

function expect(cursor: Cursor, character: string): void {
  if (!take(cursor, character)) throw unexpected(cursor)
}

function unexpected(cursor: Cursor): TwqError {
  if (cursor.at >= cursor.text.length) return failure('unexpected end', cursor.at)
  return failure(`unexpected ${JSON.stringify(cursor.text[cursor.at])}`, cursor.at)
}

function failure(what: string, position: number): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', `not JSON: ${what} at position ${position}`)
}
