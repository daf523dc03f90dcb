import { messageOf, TwqError } from '../errors.ts'
import { cutText } from '../runtime/text/cut-text.ts'
import { digitsIn, MAX_INTEGER_DIGITS } from './json-reader.ts'
import { tagBytes, tagDate } from './json-tags.ts'
import { formatTimestamp, isWritable } from './timestamps.ts'

/** The deepest nesting that is written: less than `parseJson` accepts, so that an envelope fits around the value. */
export const MAX_WRITTEN_DEPTH = 250

/** The options of {@link writeJson}. */
export interface WriteOptions {
  /** The name of the value in errors. */
  readonly path: string
  /** False: dates are plain strings and bytes are refused, as in kombu before 5.3. */
  readonly tags: boolean
  /** Stops after this many bytes. */
  readonly maxSize: number
}

/**
 * Writes JSON that `JSON.stringify` can't, and reports where a value has no JSON form. For every value, also one with getters, it
 * stops once the text must exceed `maxSize` bytes. It counts characters, so the text may have a few times as many bytes.
 */
export function writeJson(value: unknown, { path, tags, maxSize }: WriteOptions): string {
  const writer: Writer = { tags, maxSize, left: maxSize, absent: 0, path: [path], ancestors: new Set() }
  try {
    return write(value, writer) ?? 'null'
  } catch (error) {
    if (TwqError.is(error)) throw error
    const said = cutText(messageOf(error))
    throw new TwqError('TWQ_UNSERIALISABLE', `${nameOf(writer.path)} can't be written as JSON: ${said}`, {
      cause: error,
    })
  }
}

/** The error for a value refused only for its size. */
export function tooLarge(path: string, maxSize: number): TwqError {
  const what = `${cutText(path, LONGEST_KEY)} has more than ${maxSize} bytes of JSON`
  const error = new TwqError('TWQ_UNSERIALISABLE', what, { hint: 'Store it elsewhere, and send a reference to it.' })
  tooLargeErrors.add(error)
  return error
}

/** True for an error made by {@link tooLarge}. */
export function isTooLarge(error: unknown): boolean {
  return typeof error === 'object' && error !== null && tooLargeErrors.has(error)
}

const tooLargeErrors = new WeakSet<object>()

interface Writer {
  readonly tags: boolean
  readonly maxSize: number
  /** Bytes that may still be written. */
  left: number
  /** Members that were read and left out. */
  absent: number
  /** The keys that lead to the value being written, below the name of the whole. */
  readonly path: (string | number)[]
  readonly ancestors: Set<object>
}

/** The text of a value; undefined if an object must omit it. */
function write(value: unknown, writer: Writer): string | undefined {
  switch (typeof value) {
    case 'string':
      return writeString(value, writer)
    case 'boolean':
      return spend(String(value), writer)
    case 'bigint':
      return spend(writeInteger(value, writer), writer)
    case 'number':
      return spend(writeNumber(value), writer)
    case 'undefined':
      writer.absent += 1
      if (writer.absent > writer.maxSize) throw tooLarge(String(writer.path[0]), writer.maxSize)
      return undefined
    case 'object':
      return value === null ? spend('null', writer) : writeObject(value, writer)
    default:
      throw unserialisable(writer, `is a ${typeof value}`)
  }
}

function writeString(text: string, writer: Writer): string {
  // Checked before writing: it may be as long as a string can be.
  spendSize(text.length + 2, writer)
  return JSON.stringify(text)
}

// The bits of MAX_INTEGER_DIGITS decimal digits: converting a far longer integer takes very long.
const MAX_INTEGER_BITS = Math.ceil(MAX_INTEGER_DIGITS * Math.log2(10)) + 1

function writeInteger(value: bigint, writer: Writer): string {
  const text = BigInt.asIntN(MAX_INTEGER_BITS, value) === value ? String(value) : undefined
  if (text !== undefined && digitsIn(text) <= MAX_INTEGER_DIGITS) return text
  throw unserialisable(
    writer,
    `is an integer of more than the ${MAX_INTEGER_DIGITS} digits that Python reads`,
    'send it as a string',
  )
}

function writeNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Number.POSITIVE_INFINITY) return 'Infinity'
  if (value === Number.NEGATIVE_INFINITY) return '-Infinity'
  // Digits alone would be parsed as an exact integer, which a number of this size is not.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return value.toExponential()
  return JSON.stringify(value)
}

function writeObject(value: object, writer: Writer): string | undefined {
  if (value instanceof Date) return spend(writeDate(value, writer), writer)
  if (value instanceof Uint8Array) return writeBytes(value, writer)
  const { ancestors } = writer
  if (ancestors.has(value)) throw unserialisable(writer, 'refers back to a value that contains it')
  if (ancestors.size >= MAX_WRITTEN_DEPTH) {
    throw unserialisable(writer, `is nested more than ${MAX_WRITTEN_DEPTH} levels deep`)
  }
  ancestors.add(value)
  const text = writeContainer(value, writer)
  ancestors.delete(value)
  return text
}

function writeContainer(value: object, writer: Writer): string | undefined {
  if ('toJSON' in value && typeof value.toJSON === 'function') return write(value.toJSON(), writer)
  // Accounts for the opening bracket here, and per member for a comma or the closing bracket.
  spendSize(1, writer)
  if (Array.isArray(value)) return `[${writeElements(value, writer)}]`
  const kind = Object.prototype.toString.call(value).slice(8, -1)
  if (kind !== 'Object') {
    const hint = kind === 'Promise' ? 'an await is missing' : 'convert it to an object, an array or a string first'
    throw unserialisable(writer, `is a ${kind}`, hint)
  }
  return `{${writeMembers(value as Record<string, unknown>, writer)}}`
}

function writeElements(elements: readonly unknown[], writer: Writer): string {
  const list = new List()
  const { path } = writer
  const depth = path.length
  const { length } = elements
  for (let index = 0; index < length; index++) {
    path[depth] = index
    list.add(write(elements[index], writer) ?? spend('null', writer))
    spendSize(1, writer)
  }
  path.length = depth
  return list.text()
}

function writeMembers(members: Readonly<Record<string, unknown>>, writer: Writer): string {
  const list = new List()
  const { path } = writer
  const depth = path.length
  for (const key of Object.keys(members)) {
    path[depth] = key
    const text = write(members[key], writer)
    if (text === undefined) continue
    spendSize(key.length + 4, writer)
    list.add(`${JSON.stringify(key)}:${text}`)
  }
  path.length = depth
  return list.text()
}

// This many pieces are joined at a time: an array of all of them would take more memory than the text.
const PIECES = 1_024

/** Texts joined with commas. */
class List {
  readonly #chunks: string[] = []
  #pieces: string[] = []

  add(piece: string): void {
    this.#pieces.push(piece)
    if (this.#pieces.length < PIECES) return
    this.#chunks.push(this.#pieces.join(','))
    this.#pieces = []
  }

  text(): string {
    const last = this.#pieces.join(',')
    if (this.#chunks.length === 0) return last
    return [...this.#chunks, ...(this.#pieces.length > 0 ? [last] : [])].join(',')
  }
}

function writeDate(date: Date, writer: Writer): string {
  const time = date.getTime()
  if (!isWritable(time)) {
    const what = Number.isNaN(time) ? 'is an invalid Date' : 'is a Date outside the years 1 to 9999'
    throw unserialisable(writer, `${what}, which Python does not have`)
  }
  return writer.tags ? tagDate(date) : `"${formatTimestamp(time).replace('+00:00', 'Z')}"`
}

function writeBytes(bytes: Uint8Array, writer: Writer): string {
  if (!writer.tags) throw unserialisable(writer, 'holds bytes, which a peer with kombu before 5.3 cannot read')
  // Checked before they are written.
  spendSize(bytes.byteLength, writer)
  return tagBytes(bytes)
}

/** Adds a written text to the count. */
function spend(text: string, writer: Writer): string {
  spendSize(text.length, writer)
  return text
}

function spendSize(bytes: number, writer: Writer): void {
  writer.left -= bytes
  if (writer.left < 0) throw tooLarge(String(writer.path[0]), writer.maxSize)
}

const LONGEST_KEY = 100
const MOST_KEYS = 20

/** The path to a value in JavaScript's notation. */
function nameOf([whole, ...keys]: readonly (string | number)[]): string {
  const shown = keys.slice(0, MOST_KEYS).map((key) => {
    if (typeof key === 'number') return `[${key}]`
    const text = cutText(key, LONGEST_KEY)
    return /^[A-Za-z_$][\w$]*$/.test(text) ? `.${text}` : `[${JSON.stringify(text)}]`
  })
  return `${cutText(String(whole), LONGEST_KEY)}${shown.join('')}${keys.length > MOST_KEYS ? '…' : ''}`
}

function unserialisable({ path }: Writer, what: string, hint?: string): TwqError {
  return new TwqError('TWQ_UNSERIALISABLE', `${nameOf(path)} ${what}: it has no JSON form`, { hint })
}
