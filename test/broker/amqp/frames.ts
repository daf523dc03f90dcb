import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { FrameReader } from '../../../src/broker/amqp/frame-reader.ts'
import { FrameWriter } from '../../../src/broker/amqp/frame-writer.ts'
import { privateAmqplib, type RawConnection, type RawFrame } from '../../../src/broker/amqp/private-amqplib.ts'
import type { ReceivedMessage } from '../../../src/broker/amqp/received-message.ts'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import type { Headers, Properties, Route } from '../../../src/protocol/wire.ts'

const require = createRequire(import.meta.url)
const lib = join(dirname(require.resolve('amqplib')), 'lib')

/** amqplib's own frames: what ours are held against. Its table codec is its own, too. */
export const amqplib = {
  frames: require(join(lib, 'frame.js')) as {
    parseFrame(bytes: Buffer, max: number): { type: number; channel: number; payload: Buffer; rest: Buffer } | false
    makeBodyFrame(channel: number, payload: Buffer): Buffer
  },
  definitions: require(join(lib, 'defs.js')) as {
    encodeMethod(id: number, channel: number, fields: object): Buffer
    encodeProperties(id: number, channel: number, size: number, fields: object): Buffer
    readonly BasicPublish: number
    readonly BasicDeliver: number
    readonly BasicProperties: number
    readonly BasicAck: number
    readonly BasicReturn: number
  },
}

/** The part of amqplib's connection that a reader and a writer use, after the handshake; the socket is a stream. */
export class Bench extends EventEmitter {
  readonly socket = new PassThrough({ readableHighWaterMark: 2 ** 26, writableHighWaterMark: 2 ** 26 })
  readonly frameMax: number
  readonly maxFrameSize = 64 * 1024 * 1024
  rest: Buffer = Buffer.alloc(0)
  sentSinceLastCheck = false
  recvSinceLastCheck = false
  /** Frames that were left to amqplib. */
  readonly passedOn: RawFrame[] = []
  sendMethod!: (channel: number, method: number, fields: object) => boolean
  sendBytes!: (bytes: Buffer) => void

  constructor(frameMax = 131_072) {
    super()
    this.frameMax = frameMax
  }

  recvFrame(): RawFrame | false {
    const parsed = amqplib.frames.parseFrame(this.rest, 0)
    if (parsed === false) return false
    this.rest = parsed.rest
    return { id: parsed.type === 1 ? parsed.payload.readUInt32BE(0) : undefined } as RawFrame
  }

  accept(frame: RawFrame): void {
    this.passedOn.push(frame)
  }

  reader(): FrameReader {
    return new FrameReader(this as unknown as RawConnection, this.socket as unknown as Socket)
  }

  writer(): FrameWriter {
    return new FrameWriter(
      this as unknown as RawConnection,
      this.socket as unknown as Socket,
      privateAmqplib().encodeMethod,
    )
  }

  /** What was handed to the socket so far. */
  written(): Buffer {
    return (this.socket.read() as Buffer | null) ?? Buffer.alloc(0)
  }
}

/** A message as frames carry it. */
export interface Framed {
  readonly route: Route
  readonly properties: Properties
  readonly headers: Headers
  readonly body: Buffer
}

/** The frames of a delivery, by amqplib, but for the table. */
export function deliveryFrames(
  channel: number,
  deliveryTag: number,
  { route, properties, headers, body }: Framed,
  { frameMax = 131_072, redelivered = false } = {},
): Buffer {
  const { encodeMethod, BasicDeliver } = amqplib.definitions
  const fields = { consumerTag: `consumer-${channel}`, deliveryTag, redelivered, ...route }
  const frames = [encodeMethod(BasicDeliver, channel, fields), headerFrame(channel, body.length, properties, headers)]
  const most = frameMax - 8
  for (let at = 0; at < body.length; at += most) {
    frames.push(amqplib.frames.makeBodyFrame(channel, body.subarray(at, at + most)))
  }
  return Buffer.concat(frames)
}

/** A header frame as amqplib writes it, with the table as our codec does. */
export function headerFrame(channel: number, size: number, properties: Properties, headers: Headers): Buffer {
  const { encodeProperties, BasicProperties } = amqplib.definitions
  const { contentType, contentEncoding } = properties
  const plain = encodeProperties(BasicProperties, channel, size, { ...properties, headers: {} })
  const text = (value: string | undefined) => (value === undefined ? 0 : 1 + Buffer.byteLength(value))
  const at = 21 + text(contentType) + text(contentEncoding)
  const table = encodeTable(headers)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(table.length)
  const frame = Buffer.concat([plain.subarray(0, at), length, table, plain.subarray(at + 4)])
  frame.writeUInt32BE(frame.length - 8, 3)
  return frame
}

const shortText = (max = 255) =>
  fc.string({ unit: 'binary', maxLength: max }).filter((text) => Buffer.byteLength(text) <= 255)

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined })

export const framed: fc.Arbitrary<Framed> = fc.record({
  route: fc.record({ exchange: shortText(20), routingKey: shortText() }),
  properties: fc.record({
    contentType: optional(fc.oneof(fc.constant('application/json'), shortText(20))),
    contentEncoding: optional(fc.oneof(fc.constant('utf-8'), shortText(20))),
    deliveryMode: optional(fc.nat(255)),
    priority: optional(fc.nat(255)),
    correlationId: optional(shortText()),
    replyTo: optional(fc.oneof(fc.constant('replies'), shortText())),
    expiration: optional(shortText(10)),
    messageId: optional(shortText()),
    timestamp: optional(fc.maxSafeNat()),
    type: optional(shortText(10)),
    userId: optional(shortText(10)),
    appId: optional(shortText(10)),
  }),
  headers: fc.dictionary(shortText(10), fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null)), {
    maxKeys: 5,
  }),
  body: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
})

/** What must be received of a message. */
export function received(channel: number, deliveryTag: number, message: Framed, redelivered = false): ReceivedMessage {
  return {
    consumerTag: `consumer-${channel}`,
    deliveryTag,
    redelivered,
    ...message.route,
    properties: message.properties,
    headers: decodeFieldTable(encodeTable(message.headers)),
    body: message.body,
  }
}
