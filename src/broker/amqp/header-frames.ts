import { TwqError } from '../../errors.ts'
import { encodeTable, isTooLarge, VerbatimTable } from '../../protocol/headers/encode-field-table.ts'

/** How amqplib encodes the frame that carries the properties of a message. */
export type EncodeProperties = (id: number, channel: number, size: number, fields: object) => Buffer

/** The one method of amqplib's connection that sends messages. */
interface Sending {
  readonly frameMax: number
  sendMessage(...given: unknown[]): unknown
}

/** The fields that stand before the headers in the frame, each a short text. */
interface Fields {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly headers?: object
}

// A frame: type, channel, size (4), class (2), weight (2), size of the body (8), flags (2), the properties, its end.
const SIZE_AT = 3
const FLAGS_AT = 19
const PROPERTIES_AT = 21
const HAS_HEADERS = 0x2000
const OVERHEAD = 8
// amqplib's own buffer for the header table, with some room for its length.
const AMQPLIB_HOLDS = 60_000

/**
 * Writes the header frame of a message up to the size that was negotiated. amqplib encodes tables in a buffer of 64 KiB,
 * and sends frames that are larger than the broker allows, which ends the connection.
 */
export class HeaderFrames {
  readonly #encode: EncodeProperties
  #limit = Number.POSITIVE_INFINITY

  constructor(encode: EncodeProperties) {
    this.#encode = encode
  }

  /** Has each connection's own limit hold while it sends: amqplib encodes and writes a message in one go. */
  boundBy(connection: Sending): void {
    const { sendMessage } = connection
    const begin = (frameMax: number): void => {
      this.#limit = frameMax
    }
    connection.sendMessage = function (this: Sending, ...given) {
      begin(this.frameMax)
      return sendMessage.apply(this, given)
    }
  }

  /** Throws `TWQ_UNSERIALISABLE` where the broker would not take the frame. */
  encode(id: number, channel: number, size: number, fields: Fields): Buffer {
    const frame = this.#encodeAny(id, channel, size, fields)
    if (frame.length > this.#limit) {
      throw new TwqError(
        'TWQ_UNSERIALISABLE',
        `the headers and properties take ${frame.length - OVERHEAD} bytes, and the broker takes ${this.#limit - OVERHEAD}`,
        { hint: 'Put large values into the body of the message, or store them elsewhere and send a reference.' },
      )
    }
    return frame
  }

  #encodeAny(id: number, channel: number, size: number, fields: Fields): Buffer {
    const { headers } = fields
    if (isVerbatim(headers) && headers.bytes.length > AMQPLIB_HOLDS) return this.#encodeLarge(id, channel, size, fields)
    try {
      return this.#encode(id, channel, size, fields)
    } catch (error) {
      if (headers === undefined || !isTooLarge(error)) throw error
      return this.#encodeLarge(id, channel, size, fields)
    }
  }

  /** Lets amqplib encode all but the headers, and puts them in. */
  #encodeLarge(id: number, channel: number, size: number, { headers = {}, ...others }: Fields): Buffer {
    const frame = this.#encode(id, channel, size, others)
    const table = isVerbatim(headers) ? headers.bytes : encodeTable(headers)
    const at = PROPERTIES_AT + shortText(others.contentType) + shortText(others.contentEncoding)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(table.length)
    const whole = Buffer.concat([frame.subarray(0, at), length, table, frame.subarray(at)])
    whole.writeUInt32BE(whole.length - OVERHEAD, SIZE_AT)
    whole.writeUInt16BE(whole.readUInt16BE(FLAGS_AT) | HAS_HEADERS, FLAGS_AT)
    return whole
  }
}

function shortText(text: string | undefined): number {
  return text === undefined ? 0 : 1 + Buffer.byteLength(text)
}

// amqplib hands over our table as the prototype of one of its own.
function isVerbatim(headers: object | undefined): headers is VerbatimTable {
  return headers instanceof VerbatimTable
}
