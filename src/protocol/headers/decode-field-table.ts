import { messageOf } from '../../errors.ts'
import { type KnownHeader, knownHeader, ProtocolTable } from '../known-headers.ts'
import { isText } from '../repeated-text.ts'
import type { Headers, HeaderValue } from '../wire.ts'

/** A field table from the wire: its values and the bytes they were decoded from. */
export interface DecodedTable {
  /** Without a prototype; empty if the table can't be represented. */
  readonly fields: Headers
  /** The table as received, without its length prefix. A view: copy it to keep it for long. */
  readonly bytes: Uint8Array
  /** Why `fields` is empty although the table is not. */
  readonly error: string | undefined
}

/** Tables and arrays nested deeper than this are refused, in both directions. */
export const MAX_DEPTH = 64

/**
 * Decodes an AMQP field table (headers, arguments), given without its length prefix. Never throws. It replaces amqplib's decoder,
 * which throws on integers with py-amqp's tag `L` and on deeply nested tables, and so closes the whole connection. Tags are
 * RabbitMQ's: https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3
 */
export function decodeFieldTable(bytes: Buffer): DecodedTable {
  try {
    return { fields: readHeaders({ bytes, offset: 0, depth: 0 }, bytes.length), bytes, error: undefined }
  } catch (error) {
    return { fields: Object.create(null), bytes, error: messageOf(error) }
  }
}

interface Reader {
  readonly bytes: Buffer
  offset: number
  depth: number
}

/** For tables that may be the headers of a task: mostly the same names in the same order, with similar values. */
function readHeaders(reader: Reader, end: number): Headers {
  const { bytes } = reader
  const headers = new ProtocolTable()
  while (reader.offset < end) {
    const start = reader.offset + 1
    const length = bytes[reader.offset]!
    const header = knownHeader(bytes, start, length)
    if (header === undefined) return readFields(reader, end, Object.assign(Object.create(null), headers))
    reader.offset = start + length
    header.put(
      headers,
      bytes[reader.offset] === LONG_STRING ? readKnown(reader, header, end, headers.id) : readValue(reader, end),
    )
  }
  if (reader.offset > end) throw tooLong(reader, end, 'table')
  return headers
}

/** The text of a known header. `root_id` mostly equals the `id` before it and then shares its string. */
function readKnown(reader: Reader, header: KnownHeader, end: number, id: HeaderValue | undefined): string {
  const { bytes, offset } = reader
  const textEnd = endOfLongString(reader, end)
  if (header.name === 'root_id' && isText(bytes, offset + 5, textEnd, id)) return id
  return header.text(bytes, offset + 5, textEnd)
}

/** Skips a long string; returns its end. */
function endOfLongString(reader: Reader, end: number): number {
  const start = reader.offset + 5
  const length = reader.bytes.readUInt32BE(reader.offset + 1)
  reader.offset = within(start, length, end) + length
  return reader.offset
}

const NO_FIELDS: Headers = Object.freeze(Object.create(null))

function readFields(reader: Reader, end: number, known?: Record<string, HeaderValue>): Headers {
  if (known === undefined && reader.offset === end) return NO_FIELDS
  const fields: Record<string, HeaderValue> = known ?? Object.create(null)
  while (reader.offset < end) {
    const length = reader.bytes.readUInt8(reader.offset)
    const key = readText(reader, reader.offset + 1, length, end)
    fields[key] = readValue(reader, end)
  }
  if (reader.offset > end) throw tooLong(reader, end, 'table')
  return fields
}

function readArray(reader: Reader, end: number): HeaderValue[] {
  if (reader.offset === end) return []
  // A growing array reserves room for a dozen elements, but most are the two time limits of a task.
  const first = readValue(reader, end)
  const values = reader.offset < end ? [first, readValue(reader, end)] : [first]
  while (reader.offset < end) values.push(readValue(reader, end))
  if (reader.offset > end) throw tooLong(reader, end, 'array')
  return values
}

function tooLong(reader: Reader, end: number, what: 'table' | 'array'): RangeError {
  return new RangeError(`a value runs ${reader.offset - end} bytes past the end of its ${what}`)
}

const LONG_STRING = 0x53

function readValue(reader: Reader, end: number): HeaderValue {
  const { bytes } = reader
  const tag = bytes.readUInt8(reader.offset)
  const at = reader.offset + 1
  switch (tag) {
    case LONG_STRING: // S
      return readText(reader, at + 4, bytes.readUInt32BE(at), end)
    case 0x49: // I: int32
      reader.offset = at + 4
      return bytes.readInt32BE(at)
    case 0x56: // V: void
      reader.offset = at
      return null
    case 0x46: // F: table
      return readNested(reader, at, end, readFields)
    case 0x41: // A: array
      return readNested(reader, at, end, readArray)
    case 0x74: // t: boolean
      reader.offset = at + 1
      return bytes.readUInt8(at) !== 0
    case 0x64: // d: double
      reader.offset = at + 8
      return bytes.readDoubleBE(at)
    case 0x6c: // l: int64
    case 0x4c: // L: int64 as py-amqp tags it
      reader.offset = at + 8
      return narrow(bytes.readBigInt64BE(at))
    case 0x62: // b: int8
      reader.offset = at + 1
      return bytes.readInt8(at)
    case 0x42: // B: uint8
      reader.offset = at + 1
      return bytes.readUInt8(at)
    case 0x73: // s: int16
      reader.offset = at + 2
      return bytes.readInt16BE(at)
    case 0x75: // u: uint16
      reader.offset = at + 2
      return bytes.readUInt16BE(at)
    case 0x69: // i: uint32
      reader.offset = at + 4
      return bytes.readUInt32BE(at)
    case 0x66: // f: float
      reader.offset = at + 4
      return bytes.readFloatBE(at)
    case 0x54: // T: seconds since the epoch
      reader.offset = at + 8
      return narrow(bytes.readBigUInt64BE(at))
    case 0x44: // D: decimal, its digits signed as py-amqp writes them
      reader.offset = at + 5
      return decimalText(bytes.readUInt8(at), bytes.readInt32BE(at + 1))
    case 0x78: {
      // x: bytes
      const length = bytes.readUInt32BE(at)
      const start = within(at + 4, length, end)
      reader.offset = start + length
      return bytes.subarray(start, start + length)
    }
    default:
      throw new TypeError(`unknown type tag 0x${tag.toString(16).padStart(2, '0')}`)
  }
}

function readNested<T>(reader: Reader, at: number, end: number, read: (reader: Reader, end: number) => T): T {
  const length = reader.bytes.readUInt32BE(at)
  reader.offset = within(at + 4, length, end)
  if (++reader.depth > MAX_DEPTH) throw new RangeError(`nested deeper than ${MAX_DEPTH} levels`)
  const value = read(reader, reader.offset + length)
  reader.depth--
  return value
}

function readText(reader: Reader, start: number, length: number, end: number): string {
  reader.offset = within(start, length, end) + length
  return reader.bytes.toString('utf8', start, start + length)
}

function within(start: number, length: number, end: number): number {
  if (start + length > end) throw new RangeError(`${length} bytes are announced where ${end - start} are left`)
  return start
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function decimalText(places: number, digits: number): string {
  if (places === 0) return String(digits)
  const padded = String(Math.abs(digits)).padStart(places + 1, '0')
  return `${digits < 0 ? '-' : ''}${padded.slice(0, -places)}.${padded.slice(-places)}`
}
