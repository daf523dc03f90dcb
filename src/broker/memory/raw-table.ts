import { valueEnd } from '../../protocol/headers/value-end.ts'

/**
 * Field tables edited as bytes. A broker adds a header here and there and must leave all others as the publisher wrote
 * them, down to the width of an integer, however deep they nest: so values are skipped over, never decoded.
 */

/** One field of a table: its name, and its value's bytes with the type tag in front. */
export interface RawField {
  readonly name: string
  readonly value: Uint8Array
}

/** The fields of a table given without its length prefix. Throws a `RangeError` or a `TypeError` on broken bytes. */
export function tableFields(table: Uint8Array): RawField[] {
  const bytes = asBuffer(table)
  const fields: RawField[] = []
  let offset = 0
  while (offset < bytes.length) {
    const start = offset + 1 + bytes.readUInt8(offset)
    const end = valueEnd(bytes, start)
    fields.push({ name: bytes.toString('utf8', offset + 1, start), value: bytes.subarray(start, end) })
    offset = end
  }
  return fields
}

/** The elements of an array value, each with its type tag; undefined when the value is no array, or a broken one. */
export function arrayElements(value: Uint8Array): Uint8Array[] | undefined {
  return value[0] === tagOf('A') ? unlessBroken(() => elementsOf(asBuffer(value.subarray(5)))) : undefined
}

/** The fields of a table value; undefined when the value is no table, or a broken one. */
export function nestedFields(value: Uint8Array): RawField[] | undefined {
  return value[0] === tagOf('F') ? unlessBroken(() => tableFields(value.subarray(5))) : undefined
}

/** The text of a long string value; undefined when the value is none. */
export function textOf(value: Uint8Array | undefined): string | undefined {
  return value?.[0] === tagOf('S') ? asBuffer(value).toString('utf8', 5) : undefined
}

/** The number in a 64-bit integer value; undefined when the value is none. */
export function longOf(value: Uint8Array | undefined): bigint | undefined {
  return value !== undefined && value[0] === tagOf('l') ? asBuffer(value).readBigInt64BE(1) : undefined
}

/** RabbitMQ's name for the type of a value. */
export function typeOf(value: Uint8Array): string {
  return TYPE_NAMES[String.fromCharCode(value[0] ?? 0)] ?? 'unknown'
}

/** Writes a table without its length prefix. */
export function writeFields(fields: readonly RawField[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(({ name, value }) => {
      const key = Buffer.from(name)
      return [Uint8Array.of(key.length), key, value]
    }),
  )
}

/** The fields as RabbitMQ leaves those of a table that it edits: sorted by name, and 64-bit integers tagged `l`. */
export function asEdited(fields: readonly RawField[]): RawField[] {
  return fields
    .map(({ name, value }) => ({
      name,
      value: value[0] === tagOf('L') ? Buffer.from([tagOf('l'), ...value.subarray(1)]) : value,
    }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

/** Value bytes for what the broker itself writes. */
export const raw = {
  text: (text: string): Uint8Array => prefixed('S', Buffer.from(text)),
  long: (value: bigint): Uint8Array => sixtyFour('l', value),
  timestamp: (seconds: number): Uint8Array => sixtyFour('T', BigInt(seconds)),
  array: (elements: readonly Uint8Array[]): Uint8Array => prefixed('A', Buffer.concat(elements)),
  table: (fields: readonly RawField[]): Uint8Array => prefixed('F', writeFields(fields)),
}

function elementsOf(bytes: Buffer): Uint8Array[] {
  const elements: Uint8Array[] = []
  let offset = 0
  while (offset < bytes.length) {
    const end = valueEnd(bytes, offset)
    elements.push(bytes.subarray(offset, end))
    offset = end
  }
  return elements
}

// Only the outermost table of a message is checked when it arrives; nested tables are checked when they are read.
function unlessBroken<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  S: 'longstr',
  I: 'signedint',
  l: 'long',
  L: 'long',
  d: 'double',
  t: 'bool',
  V: 'void',
  T: 'timestamp',
  F: 'table',
  A: 'array',
  x: 'binary',
}

const tagOf = (tag: string): number => tag.charCodeAt(0)

function prefixed(tag: string, content: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(5 + content.length)
  bytes[0] = tagOf(tag)
  bytes.writeUInt32BE(content.length, 1)
  bytes.set(content, 5)
  return bytes
}

function sixtyFour(tag: string, value: bigint): Uint8Array {
  const bytes = Buffer.allocUnsafe(9)
  bytes[0] = tagOf(tag)
  bytes.writeBigInt64BE(value, 1)
  return bytes
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
