import { messageOf, TwqError } from '../../errors.ts'
import type { Headers, HeaderValue, Outgoing, WireMessage } from '../wire.ts'
import { encodeFieldTable, encodeTable } from './encode-field-table.ts'
import { valueEnd } from './value-end.ts'

/**
 * Header tables changed as bytes. A copy of a message keeps the headers of its sender exactly, down to the width of an integer
 * and entries that this decoder can't represent: entries are removed and added without decoding any value.
 */

/** How the headers of a copy differ from those of its original. */
export interface HeaderChange {
  /** True for the name of a top-level entry that the copy drops. */
  readonly drop: (name: string) => boolean
  /** Entries that replace any of the same name in the copy; `undefined` is left out. */
  readonly set?: Readonly<Record<string, HeaderValue | undefined>> | undefined
}

/** The two forms of a message's headers. */
export type HeaderForms = Pick<WireMessage, 'headers' | 'rawHeaders' | 'headersError'>

/**
 * Applies `change` to both forms of the headers of `message`. Throws `TWQ_UNSERIALISABLE` if the bytes are not a table (RabbitMQ
 * refuses such messages), and for a value in `set` that AMQP can't represent.
 */
export function changeHeaders(message: HeaderForms, change: HeaderChange): HeaderForms {
  const { rawHeaders, headersError } = message
  const headers = changeDecoded(message.headers, change)
  if (rawHeaders === undefined) return { headers }
  return { headers, rawHeaders: spliceTable(rawHeaders, change), ...(headersError !== undefined && { headersError }) }
}

/**
 * Returns the table (both without a length prefix) without the top-level entries named by `drop` or `set`, including repeated
 * ones, followed by those of `set`. All other entries keep their bytes and order. Linear in the size of the table.
 */
export function spliceTable(table: Uint8Array, { drop, set }: HeaderChange): Uint8Array {
  const bytes = Buffer.from(table.buffer, table.byteOffset, table.byteLength)
  const kept: Uint8Array[] = []
  // Neighbouring entries are kept as one piece: most tables lose one or two entries.
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

const NO_HEADERS: Headers = Object.freeze({})
const scratch = Buffer.allocUnsafeSlow(16 * 1024)

/**
 * The same message with its headers only as bytes: while it waits for its confirm it then consists of few objects instead of one
 * per header, which garbage collection would copy. A message whose headers take more than 16 KiB, or can't be encoded, is
 * returned unchanged.
 */
export function withHeadersAsBytes({ route, message }: Outgoing): Outgoing {
  const { properties, body } = message
  try {
    const size = encodeFieldTable(scratch, message.headers, 0)
    return {
      route,
      message: { properties, headers: NO_HEADERS, rawHeaders: Buffer.from(scratch.subarray(4, size)), body },
    }
  } catch {
    // Publishing it reports why.
    return { route, message }
  }
}

function changeDecoded(headers: Headers, { drop, set = {} }: HeaderChange): Headers {
  const changed: Record<string, HeaderValue> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) {
    if (!drop(name) && !Object.hasOwn(set, name)) changed[name] = value
  }
  for (const [name, value] of Object.entries(set)) if (value !== undefined) changed[name] = value
  return changed
}
