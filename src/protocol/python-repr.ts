import { isUtf8 } from 'node:buffer'
import type { Json, JsonObject } from '../runtime/json.ts'
import { startOf } from '../runtime/text/cut-text.ts'
import type { RemoteError } from './result-record.ts'

/** Celery's limits for the texts in headers and events (wire specification 2.8). */
const MAX_LENGTH = 1024
const MAX_LEVELS = 3

/** The display of positional arguments that Celery puts into the `argsrepr` header: about 1,024 characters at most. */
export function argsRepr(args: readonly Json[]): string {
  const display = new Display(MAX_LENGTH)
  display.sequence('(', args.length === 1 ? ',)' : ')', args)
  return display.text()
}

/** The display of named arguments that Celery puts into the `kwargsrepr` header. */
export function kwargsRepr(kwargs: JsonObject): string {
  return displayOf(kwargs)
}

/** The same display of any value, cut to about `maxLength` characters: for messages and logs. */
export function displayOf(value: Json, maxLength: number = MAX_LENGTH): string {
  const display = new Display(maxLength)
  display.value(value)
  return display.text()
}

/** Python's `repr` of an exception: `ValueError('boom', 42)`. */
export function exceptionRepr(error: Pick<RemoteError, 'type' | 'args'>): string {
  return `${error.type}(${error.args.map((arg) => pythonRepr(arg)).join(', ')})`
}

/** Python's own `repr` of a value, strings quoted and escaped as in Python. Deep nesting is omitted. */
export function pythonRepr(value: Json, levels = 8): string {
  if (typeof value === 'string') return reprString(value)
  if (value instanceof Uint8Array) return reprBytes(value)
  if (typeof value !== 'object' || value === null || value instanceof Date) return scalar(value)
  if (isArray(value)) {
    return levels === 0 ? '[...]' : `[${value.map((element) => pythonRepr(element, levels - 1)).join(', ')}]`
  }
  if (levels === 0) return '{...}'
  const members = Object.entries(value).map(([key, member]) => `${reprString(key)}: ${pythonRepr(member, levels - 1)}`)
  return `{${members.join(', ')}}`
}

/**
 * Celery's "safe repr", piece by piece: when the length is used up, the rest becomes `, ...` and open brackets are closed.
 * Strings are quoted, but only the quote is escaped.
 */
class Display {
  readonly #pieces: string[] = []
  readonly #closers: string[] = []
  #left: number
  #full = false

  constructor(maxLength: number) {
    this.#left = maxLength
  }

  text(): string {
    if (!this.#full) return this.#pieces.join('')
    return `${this.#pieces.join('')}, ...${this.#closers.reverse().join('')}`
  }

  /** Appends a value; false if there is no room left. */
  value(value: Json): boolean {
    if (typeof value === 'string') return this.#string(value)
    if (value instanceof Uint8Array) return this.#put(displayBytes(value, this.#left))
    if (typeof value !== 'object' || value === null || value instanceof Date) return this.#atom(scalar(value))
    return isArray(value) ? this.sequence('[', ']', value) : this.#mapping(value)
  }

  sequence(open: string, close: string, elements: readonly Json[]): boolean {
    if (!this.#enter(open, close)) return this.#atom(`${open}...${close}`)
    for (let index = 0; index < elements.length; index++) {
      if (index > 0 && !this.#put(', ')) return false
      if (!this.value(elements[index] as Json)) return false
    }
    return this.#leave()
  }

  #mapping(object: JsonObject): boolean {
    if (!this.#enter('{', '}')) return this.#atom('{...}')
    let first = true
    for (const key of Object.keys(object)) {
      if (!first && !this.#put(', ')) return false
      first = false
      if (!this.#string(key) || !this.#put(': ') || !this.value(object[key] as Json)) return false
    }
    return this.#leave()
  }

  /** Opens a bracket; false if that would be one level too deep. */
  #enter(open: string, close: string): boolean {
    if (this.#closers.length >= MAX_LEVELS) return false
    this.#closers.push(close)
    this.#put(open)
    return true
  }

  #leave(): boolean {
    return this.#put(this.#closers.pop() as string)
  }

  #string(text: string): boolean {
    return this.#put(`'${cut(text, this.#left).replaceAll("'", "\\'")}'`)
  }

  #atom(text: string): boolean {
    return this.#put(cut(text, this.#left))
  }

  #put(piece: string): boolean {
    if (this.#left <= 0) this.#full = true
    if (this.#full) return false
    this.#pieces.push(piece)
    this.#left -= piece.length
    return true
  }
}

/** Celery's truncation: at the last space that fits, if there is one. */
function cut(text: string, length: number): string {
  if (length <= 0 || text.length < length) return text
  const space = text.lastIndexOf(' ', length - 1)
  return `${space === -1 ? startOf(text, length) : text.slice(0, space)}...`
}

function scalar(value: null | undefined | boolean | number | bigint | Date): string {
  if (value === null) return 'None'
  switch (typeof value) {
    case 'undefined':
      return 'None'
    case 'boolean':
      return value ? 'True' : 'False'
    case 'number':
      return reprNumber(value)
    case 'bigint':
      return String(value)
    case 'object':
      return reprDate(value)
    default:
      // Such a value does not come from the wire, but a display never throws.
      return `<${typeof value}>`
  }
}

function reprNumber(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const size = Math.abs(value)
  const scientific = size >= 1e16 || (size < 1e-4 && size > 0)
  // Python writes at least two digits of exponent.
  return scientific ? value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2') : String(value)
}

function reprDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return 'None'
  const fields = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
  ]
  const seconds = date.getUTCSeconds()
  const microseconds = date.getUTCMilliseconds() * 1000
  if (seconds > 0 || microseconds > 0) fields.push(seconds)
  if (microseconds > 0) fields.push(microseconds)
  return `datetime.datetime(${fields.join(', ')}, tzinfo=datetime.timezone.utc)`
}

function displayBytes(bytes: Uint8Array, length: number): string {
  const shown = bytes.length > length ? bytes.subarray(0, Math.max(length, 0)) : bytes
  const buffer = Buffer.from(shown.buffer, shown.byteOffset, shown.byteLength)
  const text = isUtf8(buffer) ? buffer.toString('utf8') : buffer.toString('hex')
  return `b'${text}${shown === bytes ? '' : '...'}'`
}

function reprBytes(bytes: Uint8Array): string {
  const text = Array.from(bytes, (byte) => {
    if (byte === 0x5c) return '\\\\'
    if (byte === 0x27) return "\\'"
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  })
  return `b'${text.join('')}'`
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' }

function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replace(/[\\\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ') return character
    const short = SHORT_ESCAPES[character]
    if (short !== undefined) return short
    const code = (character.codePointAt(0) as number).toString(16)
    if (code.length <= 2) return `\\x${code.padStart(2, '0')}`
    return code.length <= 4 ? `\\u${code.padStart(4, '0')}` : `\\U${code.padStart(8, '0')}`
  })
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}
