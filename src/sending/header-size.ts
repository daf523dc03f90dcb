import { TwqError } from '../errors.ts'
import { encodeTable } from '../protocol/headers/encode-field-table.ts'
import type { WireMessage } from '../protocol/wire.ts'

/** RabbitMQ's `frame_max`, unless it is configured otherwise. */
export const LARGEST_FRAME = 131_072

// A frame's type, channel, size and end; class, weight, size of the body, and flags; the length of the table (AMQP 0-9-1, 4.2.6).
const FRAME = 8 + 14 + 4
const ONE_BYTE_FIELDS = 2

/**
 * Throws `TWQ_UNSERIALISABLE` for headers and properties that don't fit into one frame, as publishing would: for messages that
 * are to go together or not at all.
 */
export function checkHeaderSize({ headers, properties }: WireMessage, frameMax: number): void {
  const texts = Object.values(properties).filter((value) => typeof value === 'string')
  const size =
    FRAME +
    ONE_BYTE_FIELDS +
    encodeTable(headers).length +
    texts.reduce((sum, text) => sum + 1 + Buffer.byteLength(text), 0)
  if (size <= frameMax) return
  throw new TwqError('TWQ_UNSERIALISABLE', `the headers take ${size} bytes, and the broker takes ${frameMax}`, {
    hint: 'Put large values into the body of the message, or store them elsewhere and send a reference.',
  })
}
