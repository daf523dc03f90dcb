// How AMQP 0-9-1 frames are laid out: https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf section 2.3.5 and 4.2.

export const FRAME_METHOD = 1
export const FRAME_HEADER = 2
export const FRAME_BODY = 3
export const FRAME_END = 0xce

/** Type, channel (2 bytes) and size (4 bytes) stand before the payload, the end mark after it. */
export const BEFORE_PAYLOAD = 7
export const FRAME_OVERHEAD = 8

// Class and method, 2 bytes each.
export const BASIC_PUBLISH = 0x3c0028
export const BASIC_DELIVER = 0x3c003c
export const BASIC_ACK = 0x3c0050
/** The class of a header frame, and its weight, which is always 0. */
export const BASIC_HEADER = 0x3c0000

/** The flags of a header frame: which properties follow, in this order. */
export const FLAG = {
  contentType: 0x8000,
  contentEncoding: 0x4000,
  headers: 0x2000,
  deliveryMode: 0x1000,
  priority: 0x0800,
  correlationId: 0x0400,
  replyTo: 0x0200,
  expiration: 0x0100,
  messageId: 0x0080,
  timestamp: 0x0040,
  type: 0x0020,
  userId: 0x0010,
  appId: 0x0008,
} as const

const TWO_TO_32 = 2 ** 32

/** An unsigned 64-bit number. One beyond 2^53 is rounded: no delivery tag or time comes near. */
export function readUint64(bytes: Buffer, at: number): number {
  return bytes.readUInt32BE(at) * TWO_TO_32 + bytes.readUInt32BE(at + 4)
}

/** Writes a whole number from 0 to 2^53. */
export function writeUint64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32BE(Math.floor(value / TWO_TO_32), at)
  bytes.writeUInt32BE(value % TWO_TO_32, at + 4)
}
