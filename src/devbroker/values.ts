import { commandInvalid } from '../broker/memory/refusal.ts'
import { decodeFieldTable } from '../protocol/headers/decode-field-table.ts'
import type { Headers, Properties } from '../protocol/wire.ts'
import { frameError, octets, unexpectedFrame } from './errors.ts'
import { type Method, type MethodArguments, type MethodName, methodNamed, specOf } from './methods.ts'
import { PayloadReader } from './payload-reader.ts'
import { PayloadWriter } from './payload-writer.ts'

/** A content header: the size of the body, the properties, and the header table as bytes. */
export interface ContentHeader {
  readonly bodySize: number
  readonly properties: Properties
  /** Without its length prefix; undefined when the message has none. */
  readonly headers: Uint8Array | undefined
}

/** The numbers at the head of a method frame. Throws a refusal when there are none. */
export function methodId(payload: Buffer): readonly [classId: number, methodId: number] {
  if (payload.length < 4) throw frameError(`type 1, all octets = ${octets(payload)}: unknown_frame`)
  return [payload.readUInt16BE(0), payload.readUInt16BE(2)]
}

/** Reads a method frame. Throws a refusal when the method is unknown or its arguments are broken. */
export function decodeMethod(payload: Buffer): Method {
  const [classId, method] = methodId(payload)
  const name = methodNamed(classId, method)
  // RabbitMQ drops the connection without a word.
  if (name === undefined) throw commandInvalid(`unknown method ${classId}.${method}`)
  const reader = new PayloadReader(payload.subarray(4))
  const values: Record<string, unknown> = {}
  try {
    for (const [field, type] of Object.entries(specOf(name).fields)) values[field] = reader.field(type)
  } catch (error) {
    if (error instanceof RangeError) throw frameError(`cannot decode ${octets(payload.subarray(4, 64))}`)
    throw error
  }
  return { name, arguments: values } as unknown as Method
}

/** Writes a method's frame payload. */
export function encodeMethod<Name extends MethodName>(name: Name, values: MethodArguments<Name>): Buffer {
  const { id, fields } = specOf(name)
  const writer = new PayloadWriter()
  writer.number(id[0], 2)
  writer.number(id[1], 2)
  for (const [field, type] of Object.entries(fields)) writer.field(type, (values as Record<string, unknown>)[field])
  return writer.finish()
}

/** Reads the payload of a content header frame. The result holds no view of it. Throws a refusal when it is broken. */
export function decodeContentHeader(payload: Buffer): ContentHeader {
  try {
    return readContentHeader(payload)
  } catch (error) {
    if (error instanceof RangeError) throw frameError(`cannot decode content header: ${error.message}`)
    throw error
  }
}

function readContentHeader(payload: Buffer): ContentHeader {
  const reader = new PayloadReader(payload)
  const classId = reader.number(2)
  if (classId !== BASIC_CLASS)
    throw unexpectedFrame(`expected content header for class 60, got one for class ${classId} instead`)
  reader.number(2) // weight, always 0
  const bodySize = reader.number(8)
  let flags = reader.number(2)
  const first = flags
  while (flags & 1) flags = reader.number(2) // more flag words; none has a meaning yet
  const properties: Record<string, string | number> = {}
  let headers: Uint8Array | undefined
  for (const [bit, name, type] of PROPERTIES) {
    if ((first & (1 << bit)) === 0) continue
    if (name === 'headers') headers = Uint8Array.from(reader.lengthPrefixed())
    else if (type === 'shortstr') properties[name] = reader.shortText()
    else properties[name] = reader.number(type === 'octet' ? 1 : 8)
  }
  return { bodySize, properties, headers }
}

/** Writes the payload of a content header frame. */
export function encodeContentHeader(header: ContentHeader): Buffer {
  const { bodySize, properties, headers } = header
  const writer = new PayloadWriter()
  writer.number(BASIC_CLASS, 2)
  writer.number(0, 2)
  writer.number(bodySize, 8)
  const propertyOf = (name: PropertyName) =>
    name === 'headers' ? headers : name === 'clusterId' ? undefined : properties[name]
  const present = PROPERTIES.filter(([, name]) => propertyOf(name) !== undefined)
  writer.number(
    present.reduce((flags, [bit]) => flags | (1 << bit), 0),
    2,
  )
  for (const [, name, type] of present) {
    const value = propertyOf(name)
    if (value instanceof Uint8Array) writer.lengthPrefixed(value)
    else if (type === 'shortstr') writer.shortText(String(value))
    else writer.number(Number(value), type === 'octet' ? 1 : 8)
  }
  return writer.finish()
}

/** The value of a table that came as a long string, as AMQPLAIN logins do. Throws a refusal when it is broken. */
export function decodeTable(bytes: Uint8Array): Headers {
  const { fields, error } = decodeFieldTable(Buffer.from(bytes))
  if (error !== undefined) throw frameError(`cannot decode table: ${error}`)
  return fields
}

const BASIC_CLASS = 60

type PropertyName = keyof Properties | 'headers' | 'clusterId'

const PROPERTIES: readonly (readonly [
  bit: number,
  name: PropertyName,
  type: 'shortstr' | 'octet' | 'longlong' | 'table',
])[] = [
  [15, 'contentType', 'shortstr'],
  [14, 'contentEncoding', 'shortstr'],
  [13, 'headers', 'table'],
  [12, 'deliveryMode', 'octet'],
  [11, 'priority', 'octet'],
  [10, 'correlationId', 'shortstr'],
  [9, 'replyTo', 'shortstr'],
  [8, 'expiration', 'shortstr'],
  [7, 'messageId', 'shortstr'],
  [6, 'timestamp', 'longlong'],
  [5, 'type', 'shortstr'],
  [4, 'userId', 'shortstr'],
  [3, 'appId', 'shortstr'],
  [2, 'clusterId', 'shortstr'],
]
