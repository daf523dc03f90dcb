import { messageOf, TwqError } from '../../errors.ts'
import type { Headers, HeaderValue, WireMessage } from '../wire.ts'
import { encodeTable } from './field-table.ts'

/**
 * Header tables changed as bytes. A copy of a message carries the headers that its sender wrote, down to the width of an
 * integer and the entries that no decoder here can represent: so entries are taken out and added, and no value is read.
 */

/** How the headers of a copy differ from those of its original. */
export interface HeaderChange {
  /** True for the name of a top-level entry that the copy does not carry. */
  readonly drop: (name: string) => boolean
  /** Entries that the copy carries instead of any of the same name; `undefined` is left out. */
  readonly set?: Readonly<Record<string, HeaderValue | undefined>> | undefined
}

/** The two forms of a message's headers. */
export type HeaderForms = Pick<WireMessage, 'headers' | 'rawHeaders' | 'headersError'>

/**
 * Returns the headers of `message` with `change` made to both of their forms. Throws `TWQ_UNSERIALISABLE` where the bytes
 * are no table (RabbitMQ takes no such message), and for a value in `set` that AMQP can't carry.
 */
export function changeHeaders(message: HeaderForms, change: HeaderChange): HeaderForms {
  const { rawHeaders, headersError } = message
  const headers = changeDecoded(message.headers, change)
  if (rawHeaders === undefined) return { headers }
  return { headers, rawHeaders: spliceTable(rawHeaders, change), ...(headersError !== undefined && { headersError }) }
}

/**
 * Returns the table (both without a length prefix) without the top-level entries that `drop` or `set` name, however often
 * they occur, followed by those of `set`. Every other entry keeps its bytes and its place. Linear in the size of the table.
 */
export function spliceTable(table: Uint8Array, { drop, set }: HeaderChange): Uint8Array {
  const bytes = Buffer.from(table.buffer, table.byteOffset, table.byteLength)
  const kept: Uint8Array[] = []
  // Neighbours are kept as one piece: most tables lose one or two entries.
  let start = 0
  let offset = 0
  try {
    while (offset < bytes.length) {
      const value = offset + 1 + bytes.readUInt8(offset)
      const name = bytes.toString('utf8', offset + 1, value)
      const end = valueEnd(bytes, value)
      if (drop(name) || (set !== undefined && Object.hasOwn(set, name))) {
        if (offset > start) kept.push(bytes.subarray(start, offset))
        start = end
      }
      offset = end
    }
  } catch (error) {
    throw new TwqError('TWQ_UNSERIALISABLE', `the headers can't be copied: ${messageOf(error)}`, { cause: error })
  }
  if (set === undefined && start === 0) return table
  if (offset > start) kept.push(bytes.subarray(start, offset))
  if (set !== undefined) kept.push(encodeTable(set))
  return Buffer.concat(kept)
}

function changeDecoded(headers: Headers, { drop, set = {} }: HeaderChange): Headers {
  const changed: Record<string, HeaderValue> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (!drop(name) && !Object.hasOwn(set, name)) changed[name] = value
  }
  for (const [name, value] of Object.entries(set)) if (value !== undefined) changed[name] = value
  return changed
}

/** Where the value ends whose type tag is at `start`. Throws where it runs past the table, or its tag is unknown. */
function valueEnd(bytes: Buffer, start: number): number {
  const tag = bytes.readUInt8(start)
  const width = WIDTHS[tag]
  if (width === undefined) throw new TypeError(`unknown type tag 0x${tag.toString(16).padStart(2, '0')}`)
  const end = start + 1 + (width === PREFIXED ? 4 + bytes.readUInt32BE(start + 1) : width)
  if (end > bytes.length) throw new RangeError(`a value runs ${end - bytes.length} bytes past the end of its table`)
  return end
}

/** A length of four bytes comes first. */
const PREFIXED = -1
// Bytes behind the type tag: https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3
const WIDTHS: readonly (number | undefined)[] = Object.assign(
  [],
  Object.fromEntries(
    Object.entries({
      S: PREFIXED,
      x: PREFIXED,
      A: PREFIXED,
      F: PREFIXED,
      V: 0,
      t: 1,
      b: 1,
      B: 1,
      s: 2,
      u: 2,
      I: 4,
      i: 4,
      f: 4,
      D: 5,
      l: 8,
      L: 8,
      d: 8,
      T: 8,
    }).map(([tag, width]) => [tag.charCodeAt(0), width]),
  ),
)
