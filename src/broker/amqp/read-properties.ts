import { type DecodedTable, decodeFieldTable } from '../../protocol/headers/decode-field-table.ts'
import { isText, RepeatedText } from '../../protocol/repeated-text.ts'
import type { Properties } from '../../protocol/wire.ts'
import { FLAG, readUint64 } from './frame-format.ts'

/** A position in the bytes of one frame, which moves on with each value that is read. */
export interface FrameCursor {
  readonly bytes: Buffer
  at: number
  /** Where the payload of the frame ends. */
  readonly end: number
}

/** The properties of a message, and its header table where it has one. */
export interface ReadProperties {
  readonly properties: Properties
  readonly headers: DecodedTable | undefined
}

/** Reads the properties from the header frames of one connection. */
export class PropertiesReader {
  readonly #contentType = new RepeatedText()
  readonly #contentEncoding = new RepeatedText()
  readonly #replyTo = new RepeatedText()

  /** Reads the flags and what follows them. Throws a RangeError where that is more than the frame holds. */
  read(cursor: FrameCursor): ReadProperties {
    const flags = cursor.bytes.readUInt16BE(cursor.at)
    cursor.at += 2
    const contentType = flags & FLAG.contentType ? readRepeated(cursor, this.#contentType) : undefined
    const contentEncoding = flags & FLAG.contentEncoding ? readRepeated(cursor, this.#contentEncoding) : undefined
    const headers = flags & FLAG.headers ? readTable(cursor) : undefined
    const properties: Properties = {
      contentType,
      contentEncoding,
      deliveryMode: flags & FLAG.deliveryMode ? readOctet(cursor) : undefined,
      priority: flags & FLAG.priority ? readOctet(cursor) : undefined,
      correlationId: flags & FLAG.correlationId ? readText(cursor, headers?.fields.id) : undefined,
      replyTo: flags & FLAG.replyTo ? readRepeated(cursor, this.#replyTo) : undefined,
      expiration: flags & FLAG.expiration ? readText(cursor) : undefined,
      messageId: flags & FLAG.messageId ? readText(cursor) : undefined,
      timestamp: flags & FLAG.timestamp ? readTime(cursor) : undefined,
      type: flags & FLAG.type ? readText(cursor) : undefined,
      userId: flags & FLAG.userId ? readText(cursor) : undefined,
      appId: flags & FLAG.appId ? readText(cursor) : undefined,
    }
    return { properties, headers }
  }
}

/**
 * Reads a short text: its length in one byte, then UTF-8; the same string as `likely` where it is the same text. Throws a
 * RangeError where it runs past the end of the frame.
 */
export function readText(cursor: FrameCursor, likely?: unknown): string {
  const start = cursor.at + 1
  const end = endOfText(cursor)
  cursor.at = end
  return isText(cursor.bytes, start, end, likely) ? likely : cursor.bytes.toString('utf8', start, end)
}

/** Reads a short text that is mostly the same. Throws as `readText`. */
export function readRepeated(cursor: FrameCursor, text: RepeatedText): string {
  const start = cursor.at + 1
  const end = endOfText(cursor)
  cursor.at = end
  return text.read(cursor.bytes, start, end)
}

function endOfText({ bytes, at, end }: FrameCursor): number {
  return within(at < end ? at + 1 + bytes[at]! : end + 1, end)
}

function readOctet(cursor: FrameCursor): number {
  const at = cursor.at
  cursor.at = within(at + 1, cursor.end)
  return cursor.bytes[at]!
}

function readTime(cursor: FrameCursor): number {
  const at = cursor.at
  cursor.at = within(at + 8, cursor.end)
  return readUint64(cursor.bytes, at)
}

function readTable(cursor: FrameCursor): DecodedTable {
  const { bytes, at, end } = cursor
  const start = within(at + 4, end)
  cursor.at = within(start + bytes.readUInt32BE(at), end)
  return decodeFieldTable(bytes.subarray(start, cursor.at))
}

/** The position, where the frame reaches that far. */
export function within(position: number, end: number): number {
  if (position > end) throw new RangeError(`a value runs ${position - end} bytes past the end of its frame`)
  return position
}
