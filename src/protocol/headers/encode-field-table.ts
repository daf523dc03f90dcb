import { TwqError } from '../../errors.ts'
import type { Headers, HeaderValue } from '../wire.ts'
import { MAX_DEPTH } from './decode-field-table.ts'

/**
 * Writes a table with its length prefix at `offset`; returns its length in bytes. Throws `TWQ_UNSERIALISABLE`. It replaces
 * amqplib's encoder, whose small integers break older py-amqp.
 */
export function encodeFieldTable(buffer: Buffer, table: object, offset: number): number {
  return writeTable({ buffer, path: [] }, table as Headers, offset) - offset
}

// Entries added to a table take some hundred bytes; a table as large as a frame may follow.
const FIRST_SPACE = 4 * 1024
const LARGEST_SPACE = 32 * 1024 * 1024

/** Encodes a table without its length prefix. Throws `TWQ_UNSERIALISABLE`. */
export function encodeTable(table: object): Buffer {
  for (let size = FIRST_SPACE; ; size *= 8) {
    const space = Buffer.allocUnsafe(size)
    try {
      return space.subarray(4, encodeFieldTable(space, table, 0))
    } catch (error) {
      if (size >= LARGEST_SPACE || !isTooLarge(error)) throw error
    }
  }
}

interface Writer {
  readonly buffer: Buffer
  /** Keys and indexes that lead to the value being written, for error messages. */
  readonly path: (string | number)[]
}

const MIN_INT64 = -(2n ** 63n)
const MAX_INT64 = 2n ** 63n - 1n
const MAX_KEY_BYTES = 255

function writeTable(writer: Writer, table: Headers, start: number): number {
  let offset = reserve(writer, start, 4)
  for (const key in table) {
    const value = table[key]
    if (value === undefined) continue
    writer.path.push(key)
    const at = offset
    offset = writeText(writer, key, reserve(writer, at, 1))
    const length = offset - at - 1
    if (length > MAX_KEY_BYTES) throw refuse(writer, `has a name of ${length} bytes; AMQP allows ${MAX_KEY_BYTES}`)
    writer.buffer[at] = length
    offset = writeValue(writer, value, offset)
    writer.path.pop()
  }
  writer.buffer.writeUInt32BE(offset - start - 4, start)
  return offset
}

function writeArray(writer: Writer, values: readonly HeaderValue[], start: number): number {
  let offset = reserve(writer, start, 4)
  for (let index = 0; index < values.length; index++) {
    writer.path.push(index)
    offset = writeValue(writer, values[index] ?? null, offset)
    writer.path.pop()
  }
  writer.buffer.writeUInt32BE(offset - start - 4, start)
  return offset
}

function writeValue(writer: Writer, value: HeaderValue, start: number): number {
  if (writer.path.length > MAX_DEPTH) throw refuse(writer, `is nested deeper than ${MAX_DEPTH} levels`)
  switch (typeof value) {
    case 'string': {
      const at = reserve(writer, start, 5)
      const end = writeText(writer, value, at)
      writer.buffer[start] = 0x53
      writer.buffer.writeUInt32BE(end - at, start + 1)
      return end
    }
    case 'number':
      return writeNumber(writer, value, start)
    case 'bigint':
      if (value < MIN_INT64 || value > MAX_INT64) throw refuse(writer, `is ${value}, which does not fit in 64 bits`)
      return writeInt64(writer, value, start)
    case 'boolean': {
      const end = reserve(writer, start, 2)
      writer.buffer[start] = 0x74
      writer.buffer[start + 1] = value ? 1 : 0
      return end
    }
    case 'object':
      break
    default:
      throw refuse(writer, `is a ${typeof value}, which AMQP can't carry`)
  }
  const tag = value === null ? 0x56 : Array.isArray(value) ? 0x41 : value instanceof Uint8Array ? 0x78 : 0x46
  const offset = reserve(writer, start, 1)
  writer.buffer[start] = tag
  if (value === null) return offset
  if (Array.isArray(value)) return writeArray(writer, value, offset)
  if (value instanceof Uint8Array) return writeBytes(writer, value, offset)
  if (value instanceof Date) throw refuse(writer, "is a Date, which AMQP headers can't carry")
  return writeTable(writer, value as Headers, offset)
}

// Texts in headers are mostly this short and plain ASCII: a call into Node for each takes longer than copying it here.
const SHORT = 48

function writeText(writer: Writer, text: string, start: number): number {
  const { buffer } = writer
  const { length } = text
  if (length <= SHORT && start + length <= buffer.length) {
    let index = 0
    for (; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) break
      buffer[start + index] = code
    }
    if (index === length) return start + length
  }
  const end = reserve(writer, start, Buffer.byteLength(text))
  buffer.write(text, start, 'utf8')
  return end
}

// Only `I`, `l` and `d`: py-amqp before 5.4 misreads the smaller integers that amqplib would choose.
function writeNumber(writer: Writer, value: number, start: number): number {
  if (Number.isInteger(value)) {
    if (value === (value | 0)) {
      const end = reserve(writer, start, 5)
      writer.buffer[start] = 0x49
      writer.buffer.writeInt32BE(value, start + 1)
      return end
    }
    if (Number.isSafeInteger(value)) return writeInt64(writer, BigInt(value), start)
  }
  const end = reserve(writer, start, 9)
  writer.buffer[start] = 0x64
  writer.buffer.writeDoubleBE(value, start + 1)
  return end
}

function writeInt64(writer: Writer, value: bigint, start: number): number {
  const end = reserve(writer, start, 9)
  writer.buffer[start] = 0x6c
  writer.buffer.writeBigInt64BE(value, start + 1)
  return end
}

function writeBytes(writer: Writer, bytes: Uint8Array, start: number): number {
  const end = reserve(writer, start, 4 + bytes.length)
  writer.buffer.writeUInt32BE(bytes.length, start)
  writer.buffer.set(bytes, start + 4)
  return end
}

function reserve(writer: Writer, offset: number, size: number): number {
  const end = offset + size
  if (end <= writer.buffer.length) return end
  const { length } = writer.buffer
  const error = new TwqError('TWQ_UNSERIALISABLE', `the headers take more than the ${length} bytes that fit`, {
    hint: 'Put large values into the body of the message, or store them elsewhere and send a reference.',
  })
  tooLarge.add(error)
  throw error
}

const tooLarge = new WeakSet<object>()

/** True for the error of a table refused only for its size. */
export function isTooLarge(error: unknown): boolean {
  return typeof error === 'object' && error !== null && tooLarge.has(error)
}

function refuse(writer: Writer, problem: string): TwqError {
  const shown = writer.path.slice(0, 8).join('.') + (writer.path.length > 8 ? '…' : '')
  return new TwqError('TWQ_UNSERIALISABLE', `header ${shown} ${problem}`)
}
