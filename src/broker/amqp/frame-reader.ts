import type { Socket } from 'node:net'
import type { DecodedTable } from '../../protocol/headers/decode-field-table.ts'
import { RepeatedText } from '../../protocol/repeated-text.ts'
import type { Properties } from '../../protocol/wire.ts'
import {
  BASIC_ACK,
  BASIC_DELIVER,
  BEFORE_PAYLOAD,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_METHOD,
  FRAME_OVERHEAD,
  readUint64,
} from './frame-format.ts'
import type { RawConnection } from './private-amqplib.ts'
import { type FrameCursor, PropertiesReader, readRepeated, within } from './read-properties.ts'
import type { ReceivedMessage } from './received-message.ts'

/** The channel that deliveries and confirms are for. */
export interface FrameReceiver {
  delivered(message: ReceivedMessage): void
  /** The broker has the message that was published with this tag; with `multiple` all that were published before, too. */
  confirmed(deliveryTag: number, multiple: boolean): void
}

/** One channel: its receiver, and the delivery whose frames are not complete. */
interface Incoming {
  readonly receiver: FrameReceiver
  method: DeliverMethod | undefined
  header:
    | { readonly properties: Properties; readonly headers: DecodedTable | undefined; readonly size: number }
    | undefined
  parts: Buffer[]
  received: number
}

type DeliverMethod = Pick<ReceivedMessage, 'consumerTag' | 'deliveryTag' | 'redelivered' | 'exchange' | 'routingKey'>

const EMPTY = Buffer.alloc(0)
// Class and method in front, weight and size of the body in a header frame.
const METHOD_SIZE = 4
const BEFORE_FLAGS = 12

/**
 * Reads the frames of one connection in amqplib's stead, once the handshake is over: deliveries and confirms in place, all
 * other frames one by one through amqplib, which acts on them as before. A frame that can't be read ends the connection.
 */
export class FrameReader {
  readonly #raw: RawConnection
  readonly #channels = new Map<number, Incoming>()
  readonly #consumerTag = new RepeatedText()
  readonly #exchange = new RepeatedText()
  readonly #routingKey = new RepeatedText()
  readonly #properties = new PropertiesReader()
  /** The beginning of a frame, of which the rest has not arrived. */
  #rest: Buffer
  #broken = false

  constructor(raw: RawConnection, socket: Socket) {
    this.#raw = raw
    this.#rest = raw.rest
    raw.rest = EMPTY
    // amqplib's own loop, the only one that reads.
    socket.removeAllListeners('readable')
    socket.on('data', (chunk) => this.#read(chunk))
    if (this.#rest.length > 0) this.#read(EMPTY)
  }

  /** From now on the deliveries and confirms of the channel with this number go to `receiver`. */
  attach(channel: number, receiver: FrameReceiver): void {
    this.#channels.set(channel, { receiver, method: undefined, header: undefined, parts: [], received: 0 })
  }

  /** Gives the channel back to amqplib, unless another one has its number meanwhile. */
  detach(channel: number, receiver: FrameReceiver): void {
    if (this.#channels.get(channel)?.receiver === receiver) this.#channels.delete(channel)
  }

  #read(chunk: Buffer): void {
    if (this.#broken) return
    this.#raw.recvSinceLastCheck = true
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    try {
      while (bytes.length - at >= FRAME_OVERHEAD) {
        const size = bytes.readUInt32BE(at + 3)
        if (size > this.#raw.maxFrameSize) throw new RangeError(`a frame of ${size} bytes is larger than ever agreed`)
        const next = at + size + FRAME_OVERHEAD
        if (next > bytes.length) break
        if (bytes[next - 1] !== FRAME_END) throw new RangeError('a frame does not end where it should')
        if (!this.#take(bytes, at, next - 1)) this.#passOn(bytes, at, next)
        at = next
      }
    } catch (error) {
      this.#broken = true
      this.#raw.emit('frameError', error)
      return
    }
    this.#rest = at === bytes.length ? EMPTY : bytes.subarray(at)
  }

  /** False for a frame that is amqplib's. */
  #take(bytes: Buffer, at: number, end: number): boolean {
    const incoming = this.#channels.get(bytes.readUInt16BE(at + 1))
    if (incoming === undefined) return false
    const payload = at + BEFORE_PAYLOAD
    switch (bytes[at]) {
      case FRAME_METHOD:
        within(payload + METHOD_SIZE, end)
        switch (bytes.readUInt32BE(payload)) {
          case BASIC_DELIVER:
            if (incoming.method !== undefined) throw incomplete()
            incoming.method = this.#readDeliver({ bytes, at: payload + METHOD_SIZE, end })
            return true
          case BASIC_ACK:
            within(payload + METHOD_SIZE + 9, end)
            incoming.receiver.confirmed(readUint64(bytes, payload + 4), (bytes[payload + 12]! & 1) === 1)
            return true
          default:
            return false
        }
      case FRAME_HEADER: {
        if (incoming.method === undefined) return false
        if (incoming.header !== undefined) throw incomplete()
        within(payload + BEFORE_FLAGS + 2, end)
        const { properties, headers } = this.#properties.read({ bytes, at: payload + BEFORE_FLAGS, end })
        incoming.header = { properties, headers, size: readUint64(bytes, payload + 4) }
        if (incoming.header.size === 0) deliver(incoming, incoming.method, incoming.header, EMPTY)
        return true
      }
      case FRAME_BODY: {
        const { method, header } = incoming
        if (method === undefined || header === undefined) return false
        const body = bytes.subarray(payload, end)
        if (body.length === header.size && incoming.received === 0) {
          deliver(incoming, method, header, body)
          return true
        }
        incoming.parts.push(body)
        incoming.received += body.length
        if (incoming.received > header.size) throw new RangeError('a body is longer than announced')
        if (incoming.received === header.size) deliver(incoming, method, header, Buffer.concat(incoming.parts))
        return true
      }
      default:
        return false
    }
  }

  #readDeliver(cursor: FrameCursor): DeliverMethod {
    const consumerTag = readRepeated(cursor, this.#consumerTag)
    const { bytes, at } = cursor
    cursor.at = within(at + 9, cursor.end)
    return {
      consumerTag,
      deliveryTag: readUint64(bytes, at),
      redelivered: (bytes[at + 8]! & 1) === 1,
      exchange: readRepeated(cursor, this.#exchange),
      routingKey: readRepeated(cursor, this.#routingKey),
    }
  }

  /** Has amqplib decode the one frame, and act on it. */
  #passOn(bytes: Buffer, at: number, next: number): void {
    this.#raw.rest = bytes.subarray(at, next)
    const frame = this.#raw.recvFrame()
    if (frame !== false) this.#raw.accept(frame)
  }
}

function incomplete(): RangeError {
  return new RangeError('a delivery begins before the one before it on its channel is complete')
}

function deliver(
  incoming: Incoming,
  { consumerTag, deliveryTag, redelivered, exchange, routingKey }: DeliverMethod,
  { properties, headers }: NonNullable<Incoming['header']>,
  body: Buffer,
): void {
  incoming.method = undefined
  incoming.header = undefined
  if (incoming.received > 0) {
    incoming.parts = []
    incoming.received = 0
  }
  incoming.receiver.delivered({
    consumerTag,
    deliveryTag,
    redelivered,
    exchange,
    routingKey,
    properties,
    headers,
    body,
  })
}
