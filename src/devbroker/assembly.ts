import { unexpectedFrame } from './errors.ts'
import type { Frame } from './frames.ts'
import { FRAME } from './frames.ts'
import type { MethodArguments } from './methods.ts'
import { type ContentHeader, decodeContentHeader } from './values.ts'

/** A publish with all that belongs to it. */
export interface Published extends Omit<ContentHeader, 'bodySize'> {
  readonly publish: MethodArguments<'basic.publish'>
  readonly body: Uint8Array
}

/** Puts one message together: a `basic.publish`, its header frame, its body frames. */
export class Assembly {
  readonly #publish: MethodArguments<'basic.publish'>
  #header: ContentHeader | undefined
  /** Grows with what arrives. One buffer, since a client may send a body in frames of a byte, or of none, without end. */
  #body = Buffer.alloc(0)
  #missing = 0

  constructor(publish: MethodArguments<'basic.publish'>) {
    this.#publish = publish
  }

  /** Bytes of the body held so far. */
  get held(): number {
    return this.#header === undefined ? 0 : this.#header.bodySize - this.#missing
  }

  /** The length that the header announced. */
  get announced(): number {
    return this.#header?.bodySize ?? 0
  }

  /** Takes the next frame; returns the message once it is whole. Throws a refusal when the frame is not the one due. */
  add(frame: Frame): Published | undefined {
    if (this.#header === undefined) {
      if (frame.type !== FRAME.header) {
        throw unexpectedFrame('expected content header for class 60, got non content header frame instead')
      }
      this.#header = decodeContentHeader(frame.payload)
      this.#missing = this.#header.bodySize
    } else {
      if (frame.type !== FRAME.body || frame.payload.length > this.#missing) {
        throw unexpectedFrame('expected content body, got non content body frame instead')
      }
      this.#append(frame.payload, this.#header.bodySize)
    }
    if (this.#missing > 0) return undefined
    const { properties, headers } = this.#header
    return { publish: this.#publish, properties, headers, body: this.#body }
  }

  /** Copies: the frame is a piece of the chunk that the socket read, which would be kept alive as a whole. */
  #append(payload: Buffer, bodySize: number): void {
    const { held } = this
    const needed = held + payload.length
    if (needed > this.#body.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(needed, 2 * this.#body.length), bodySize))
      this.#body.copy(grown)
      this.#body = grown
    }
    this.#body.set(payload, held)
    this.#missing -= payload.length
  }
}
