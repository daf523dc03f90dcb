import type { Socket } from 'node:net'
import { TwqError } from '../../errors.ts'
import { encodeFieldTable, encodeTable, isTooLarge } from '../../protocol/headers/encode-field-table.ts'
import type { Headers, Properties, Route, WireMessage } from '../../protocol/wire.ts'
import {
  BASIC_ACK,
  BASIC_HEADER,
  BASIC_PUBLISH,
  BEFORE_PAYLOAD,
  FLAG,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_METHOD,
  FRAME_OVERHEAD,
  writeUint64,
} from './frame-format.ts'
import type { EncodeMethod, RawConnection } from './private-amqplib.ts'

/** A message to publish, and where it goes. */
export interface FramedPublish {
  readonly route: Route
  readonly message: WireMessage
  /** Instead of the one among the message's properties. */
  readonly messageId: string | undefined
  /** True: the broker returns the message where no queue takes it. */
  readonly mandatory: boolean
}

type TextProperty = Exclude<keyof Properties, 'deliveryMode' | 'priority' | 'timestamp'>

const SLAB = 128 * 1024
/** Room for all that a publish writes besides the header table and the body: some numbers, and 12 short texts of 256 bytes. */
const WITHOUT_TABLE = 4 * 1024
const LONGEST_TEXT = 255
const ACK_SIZE = 21
/** The largest frame where the broker sets no bound. */
const LARGEST_FRAME = 131_072
// Texts are mostly this short, and plain: to call into Node for each takes longer than to copy it here.
const SHORT = 48

/**
 * Writes all frames of one connection in amqplib's stead, once the handshake is over: into one buffer, which goes to the socket
 * once in each turn of the event loop. What amqplib itself sends takes its place in the order of writing.
 */
export class FrameWriter {
  readonly #raw: RawConnection
  readonly #socket: Socket
  readonly #frameMax: number
  #beforeFlush: (() => void)[] = []
  #slab = Buffer.allocUnsafeSlow(SLAB)
  /** The bytes before this position were handed to the socket. */
  #sent = 0
  #at = 0
  #scheduled = false

  constructor(raw: RawConnection, socket: Socket, encodeMethod: EncodeMethod) {
    this.#raw = raw
    this.#socket = socket
    this.#frameMax = Math.min(raw.frameMax, LARGEST_FRAME)
    raw.sendMethod = (channel, method, fields) => {
      this.#append(encodeMethod(method, channel, fields))
      // About the connection itself: after a close amqplib ends the socket at once.
      if (channel === 0) this.flush()
      return true
    }
    raw.sendBytes = (bytes) => {
      this.#append(bytes)
      this.flush()
    }
  }

  /**
   * Publishes a message. Throws `TWQ_UNSERIALISABLE` where its headers are larger than a frame or have no AMQP form, and a
   * TypeError for another property without one. It has then written nothing.
   */
  publish(channel: number, publish: FramedPublish): void {
    this.#reserve(2 * WITHOUT_TABLE)
    if (!this.#writeHeaders(channel, publish)) {
      // The table may take a whole frame.
      this.#renew(this.#frameMax + 2 * WITHOUT_TABLE)
      if (!this.#writeHeaders(channel, publish)) throw this.#tooLarge(channel, publish)
    }
    this.#writeBody(channel, publish.message.body)
    this.#schedule()
  }

  /** Acknowledges a delivery, with `multiple` all before it, too. */
  ack(channel: number, deliveryTag: number, multiple: boolean): void {
    this.#reserve(ACK_SIZE)
    const start = this.#open(FRAME_METHOD, channel)
    this.#slab.writeUInt32BE(BASIC_ACK, this.#at)
    writeUint64(this.#slab, deliveryTag, this.#at + 4)
    this.#slab[this.#at + 12] = multiple ? 1 : 0
    this.#at += 13
    this.#close(start)
    this.#schedule()
  }

  /** Calls `write` once, before what is written in this turn of the event loop goes to the socket. */
  beforeFlush(write: () => void): void {
    this.#beforeFlush.push(write)
    this.#schedule()
  }

  /** Hands to the socket what is written. */
  flush(): void {
    if (this.#at === this.#sent) return
    if (this.#socket.writable) this.#socket.write(this.#slab.subarray(this.#sent, this.#at))
    this.#sent = this.#at
    this.#raw.sentSinceLastCheck = true
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#endTurn)
  }

  readonly #endTurn = (): void => {
    const due = this.#beforeFlush
    if (due.length > 0) {
      this.#beforeFlush = []
      for (const write of due) write()
    }
    this.#scheduled = false
    this.flush()
  }

  /** False, and nothing is written, where the table is larger than the room that is left, or than a frame may be. */
  #writeHeaders(channel: number, publish: FramedPublish): boolean {
    const start = this.#at
    try {
      this.#writeMethod(channel, publish)
      if (this.#writeProperties(channel, publish)) return true
    } catch (error) {
      this.#at = start
      if (isTooLarge(error)) return false
      throw error
    }
    this.#at = start
    return false
  }

  #writeMethod(channel: number, { route, mandatory }: FramedPublish): void {
    const start = this.#open(FRAME_METHOD, channel)
    this.#slab.writeUInt32BE(BASIC_PUBLISH, this.#at)
    this.#slab.writeUInt16BE(0, this.#at + 4)
    this.#at += 6
    this.#text('exchange', route.exchange)
    this.#text('routingKey', route.routingKey)
    this.#slab[this.#at++] = mandatory ? 1 : 0
    this.#close(start)
  }

  #writeProperties(channel: number, { message, messageId }: FramedPublish): boolean {
    const { properties, headers, rawHeaders, body } = message
    const start = this.#open(FRAME_HEADER, channel)
    this.#slab.writeUInt32BE(BASIC_HEADER, this.#at)
    writeUint64(this.#slab, body.length, this.#at + 4)
    const flagsAt = this.#at + 12
    this.#at += 14
    let flags = this.#optionalText('contentType', properties.contentType)
    flags |= this.#optionalText('contentEncoding', properties.contentEncoding)
    if (!this.#table(headers, rawHeaders)) return false
    flags |= FLAG.headers
    flags |= this.#optionalOctet('deliveryMode', properties.deliveryMode)
    flags |= this.#optionalOctet('priority', properties.priority)
    flags |= this.#optionalText('correlationId', properties.correlationId)
    flags |= this.#optionalText('replyTo', properties.replyTo)
    flags |= this.#optionalText('expiration', properties.expiration)
    flags |= this.#optionalText('messageId', messageId)
    flags |= this.#optionalTime(properties.timestamp)
    flags |= this.#optionalText('type', properties.type)
    flags |= this.#optionalText('userId', properties.userId)
    flags |= this.#optionalText('appId', properties.appId)
    this.#slab.writeUInt16BE(flags, flagsAt)
    this.#close(start)
    return this.#at - start <= this.#frameMax
  }

  #writeBody(channel: number, body: Uint8Array): void {
    const most = this.#frameMax - FRAME_OVERHEAD
    for (let from = 0; from < body.length; from += most) {
      const part = body.length <= most ? body : body.subarray(from, from + most)
      this.#reserve(part.length + FRAME_OVERHEAD)
      const start = this.#open(FRAME_BODY, channel)
      this.#slab.set(part, this.#at)
      this.#at += part.length
      this.#close(start)
    }
  }

  /** Writes what stands before a payload; returns where the frame begins. */
  #open(type: number, channel: number): number {
    const start = this.#at
    this.#slab[start] = type
    this.#slab[start + 1] = channel >> 8
    this.#slab[start + 2] = channel & 0xff
    this.#at = start + BEFORE_PAYLOAD
    return start
  }

  #close(start: number): void {
    this.#slab.writeUInt32BE(this.#at - start - BEFORE_PAYLOAD, start + 3)
    this.#slab[this.#at++] = FRAME_END
  }

  /** False where there is no room for it and for what follows it. */
  #table(headers: Headers, raw: Uint8Array | undefined): boolean {
    if (raw === undefined) {
      this.#at += encodeFieldTable(this.#slab, headers, this.#at)
    } else {
      if (this.#slab.length - this.#at < raw.length + WITHOUT_TABLE) return false
      this.#slab.writeUInt32BE(raw.length, this.#at)
      this.#slab.set(raw, this.#at + 4)
      this.#at += 4 + raw.length
    }
    return this.#slab.length - this.#at >= WITHOUT_TABLE
  }

  #text(name: string, text: string): void {
    if (typeof text !== 'string') throw new TypeError(`${name} is ${typeof text}, and must be a string`)
    const start = this.#at + 1
    const { length } = text
    let index = 0
    if (length <= SHORT) {
      for (; index < length; index++) {
        const code = text.charCodeAt(index)
        if (code > 0x7f) break
        this.#slab[start + index] = code
      }
    }
    const size = index === length ? length : Buffer.byteLength(text)
    if (size > LONGEST_TEXT) throw new TypeError(`${name} has ${size} bytes; AMQP allows ${LONGEST_TEXT}`)
    if (index < length) this.#slab.write(text, start, size, 'utf8')
    this.#slab[this.#at] = size
    this.#at = start + size
  }

  #optionalText(name: TextProperty, text: string | undefined): number {
    if (text === undefined || text === null) return 0
    this.#text(name, text)
    return FLAG[name]
  }

  #optionalOctet(name: 'deliveryMode' | 'priority', value: number | undefined): number {
    if (value === undefined || value === null) return 0
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xff)) {
      throw new TypeError(`${name} must be a whole number from 0 to 255, got ${value}`)
    }
    this.#slab[this.#at++] = value
    return FLAG[name]
  }

  #optionalTime(value: number | undefined): number {
    if (value === undefined || value === null) return 0
    if (!(Number.isSafeInteger(value) && value >= 0)) {
      throw new TypeError(`timestamp must be whole seconds since the epoch, got ${value}`)
    }
    writeUint64(this.#slab, value, this.#at)
    this.#at += 8
    return FLAG.timestamp
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#slab.set(bytes, this.#at)
    this.#at += bytes.length
    this.#schedule()
  }

  /** Makes room for so many bytes. */
  #reserve(size: number): void {
    if (this.#slab.length - this.#at < size) this.#renew(size)
  }

  /** Goes on in a new buffer: the socket may still read from the other one. */
  #renew(size: number): void {
    this.flush()
    this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB, size))
    this.#sent = 0
    this.#at = 0
  }

  #tooLarge(channel: number, publish: FramedPublish): TwqError {
    const { headers, rawHeaders } = publish.message
    const start = this.#at
    this.#writeProperties(channel, { ...publish, message: { ...publish.message, headers: {}, rawHeaders: undefined } })
    const size = this.#at - start - FRAME_OVERHEAD + (rawHeaders ?? encodeTable(headers)).length
    this.#at = start
    const most = this.#frameMax - FRAME_OVERHEAD
    return new TwqError(
      'TWQ_UNSERIALISABLE',
      `the headers and properties take ${size} bytes, and the broker takes ${most}`,
      { hint: 'Put large values into the body of the message, or store them elsewhere and send a reference.' },
    )
  }
}
