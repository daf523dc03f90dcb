import { decodeFieldTable, encodeFieldTable } from '../broker/amqp/field-table.ts'
import { commandInvalid } from '../broker/memory/refusal.ts'
import type { Headers, Properties } from '../protocol/wire.ts'
import { frameError, octets, unexpectedFrame } from './errors.ts'
import { type FieldType, type Method, type MethodArguments, type MethodName, methodNamed, specOf } from './methods.ts'

/** What a content header says: how long the body is, the properties, and the header table as bytes. */
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
  const reader = new Reader(payload.subarray(4))
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
  const writer = new Writer()
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
  const reader = new Reader(payload)
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
  const writer = new Writer()
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

class Reader {
  readonly #bytes: Buffer
  #offset = 0
  #bit = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  field(type: FieldType): unknown {
    if (type === 'bit') return this.flag()
    this.#bit = 0
    switch (type) {
      case 'octet':
        return this.number(1)
      case 'short':
        return this.number(2)
      case 'long':
        return this.number(4)
      case 'longlong':
        return this.number(8)
      case 'shortstr':
        return this.shortText()
      case 'longstr':
        return Uint8Array.from(this.lengthPrefixed())
      case 'table':
        return this.table()
    }
  }

  number(width: 1 | 2 | 4 | 8): number {
    const bytes = this.#take(width)
    return width === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, width)
  }

  // Neighbouring bits share an octet, the first in the lowest place.
  flag(): boolean {
    if (this.#bit === 0 || this.#bit === 8) {
      this.#take(1)
      this.#bit = 0
    }
    return ((this.#bytes[this.#offset - 1] as number) & (1 << this.#bit++)) !== 0
  }

  shortText(): string {
    return this.#take(this.number(1)).toString('utf8')
  }

  lengthPrefixed(): Buffer {
    return this.#take(this.number(4))
  }

  table(): Headers {
    const { fields, error } = decodeFieldTable(Buffer.from(this.lengthPrefixed()))
    if (error !== undefined) throw new RangeError(error)
    return fields
  }

  #take(length: number): Buffer {
    const end = this.#offset + length
    if (end > this.#bytes.length) throw new RangeError(`the frame ends ${end - this.#bytes.length} bytes early`)
    const taken = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return taken
  }
}

class Writer {
  readonly #parts: Uint8Array[] = []
  #flags: Buffer | undefined
  #bit = 0

  field(type: FieldType, value: unknown): void {
    if (type !== 'bit') this.#flags = undefined
    switch (type) {
      case 'bit':
        this.flag(value as boolean)
        break
      case 'octet':
        this.number(value as number, 1)
        break
      case 'short':
        this.number(value as number, 2)
        break
      case 'long':
        this.number(value as number, 4)
        break
      case 'longlong':
        this.number(value as number, 8)
        break
      case 'shortstr':
        this.shortText(value as string)
        break
      case 'longstr':
        this.lengthPrefixed(value as Uint8Array)
        break
      case 'table':
        this.table(value as Headers)
    }
  }

  number(value: number, width: 1 | 2 | 4 | 8): void {
    const bytes = Buffer.allocUnsafe(width)
    if (width === 8) bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)))
    else bytes.writeUIntBE(value, 0, width)
    this.#parts.push(bytes)
  }

  flag(value: boolean): void {
    if (this.#flags === undefined || this.#bit === 8) {
      this.#flags = Buffer.alloc(1)
      this.#bit = 0
      this.#parts.push(this.#flags)
    }
    if (value) this.#flags[0] = (this.#flags[0] as number) | (1 << this.#bit)
    this.#bit++
  }

  shortText(text: string): void {
    const bytes = shortened(text)
    this.#parts.push(Uint8Array.of(bytes.length), bytes)
  }

  lengthPrefixed(bytes: Uint8Array): void {
    this.number(bytes.length, 4)
    this.#parts.push(bytes)
  }

  table(fields: Headers): void {
    const space = Buffer.alloc(LARGEST_TABLE)
    this.#parts.push(Buffer.from(space.subarray(0, encodeFieldTable(space, fields, 0))))
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

const LARGEST_TABLE = 65_536

// A short string holds 255 bytes; RabbitMQ cuts longer reply texts too.
function shortened(text: string): Buffer {
  const bytes = Buffer.from(text)
  return bytes.length <= 255 ? bytes : Buffer.concat([bytes.subarray(0, 252), Buffer.from('...')])
}
