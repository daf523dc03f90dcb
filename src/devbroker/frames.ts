import { frameError, octets } from './errors.ts'
import type { MethodArguments, MethodName } from './methods.ts'
import { type ContentHeader, encodeContentHeader, encodeMethod } from './values.ts'

/** The kinds of frame. */
export const FRAME = { method: 1, header: 2, body: 3, heartbeat: 8 } as const

const KINDS: ReadonlySet<number> = new Set(Object.values(FRAME))

/** Bytes of a frame besides its payload: type, channel, length; end mark. */
const FRAME_OVERHEAD = 8
/** No side may insist on frames smaller than this. */
export const SMALLEST_FRAME_MAX = 4096

const HEAD = 7
const END = 0xce

/** One frame. The payload is a view: copy what must outlive the turn. */
export interface Frame {
  readonly type: number
  readonly channel: number
  readonly payload: Buffer
}

/** Cuts a stream of bytes into frames. Holds at most one incomplete frame, which is never longer than `frameMax`. */
export class FrameReader {
  /** The longest frame accepted, overhead included. */
  frameMax: number
  #chunks: Buffer[] = []
  #length = 0

  constructor(frameMax: number) {
    this.frameMax = frameMax
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#length += chunk.length
  }

  /** The next complete frame, if there is one. Throws a refusal when what came is no frame, or too long a one. */
  next(): Frame | undefined {
    if (this.#length < HEAD) return undefined
    const head = this.#joined(HEAD)
    const size = head.readUInt32BE(3)
    const type = head.readUInt8(0)
    const channel = head.readUInt16BE(1)
    if (size + FRAME_OVERHEAD > this.frameMax) {
      const excess = `{frame_too_large,${size},${this.frameMax - FRAME_OVERHEAD}}`
      throw frameError(`type ${type}, all octets = <<>>: ${excess}`)
    }
    const length = size + FRAME_OVERHEAD
    if (this.#length < length) return undefined
    const whole = this.#joined(length)
    const payload = whole.subarray(HEAD, length - 1)
    const end = whole.readUInt8(length - 1)
    this.#drop(length)
    if (end !== END) {
      throw frameError(
        `type ${type}, all octets = ${octets(payload.subarray(0, 64))}: {invalid_frame_end_marker,${end}}`,
      )
    }
    if (!KINDS.has(type))
      throw frameError(`type ${type}, all octets = ${octets(payload.subarray(0, 64))}: unknown_frame`)
    return { type, channel, payload }
  }

  /** The first `length` bytes once they have arrived: for the protocol header, which is no frame. */
  take(length: number): Buffer | undefined {
    if (this.#length < length) return undefined
    const bytes = this.#joined(length).subarray(0, length)
    this.#drop(length)
    return bytes
  }

  // Chunks are joined only when enough bytes are there, so that bytes arriving one by one cost no more than at once.
  #joined(length: number): Buffer {
    const first = this.#chunks[0] as Buffer
    if (first.length >= length) return first
    const joined = Buffer.concat(this.#chunks, this.#length)
    this.#chunks = [joined]
    return joined
  }

  #drop(length: number): void {
    const first = this.#chunks[0] as Buffer
    this.#length -= length
    if (first.length > length) this.#chunks[0] = first.subarray(length)
    else this.#chunks.shift()
  }
}

/** A method as one frame. */
export function methodFrame<Name extends MethodName>(
  channel: number,
  name: Name,
  values: MethodArguments<Name>,
): Buffer {
  return frame(FRAME.method, channel, encodeMethod(name, values))
}

/** A message's header frame and as many body frames as `frameMax` asks for. */
export function contentFrames(
  channel: number,
  content: Omit<ContentHeader, 'bodySize'> & { readonly body: Uint8Array },
  frameMax: number,
): Buffer[] {
  const { body, properties, headers } = content
  const frames = [frame(FRAME.header, channel, encodeContentHeader({ bodySize: body.length, properties, headers }))]
  const room = frameMax - FRAME_OVERHEAD
  for (let offset = 0; offset < body.length; offset += room) {
    frames.push(frame(FRAME.body, channel, body.subarray(offset, offset + room)))
  }
  return frames
}

/** Any frame. */
export function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(payload.length + FRAME_OVERHEAD)
  bytes[0] = type
  bytes.writeUInt16BE(channel, 1)
  bytes.writeUInt32BE(payload.length, 3)
  bytes.set(payload, HEAD)
  bytes[payload.length + HEAD] = END
  return bytes
}

export const HEARTBEAT_FRAME = frame(FRAME.heartbeat, 0, new Uint8Array())
