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
  #chunks: Buffer[] = []
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
      // Copied: the frame is a piece of the chunk that the socket read, which would be kept alive as a whole.
      this.#chunks.push(Buffer.from(frame.payload))
      this.#missing -= frame.payload.length
    }
    if (this.#missing > 0) return undefined
    const { properties, headers } = this.#header
    const [only] = this.#chunks
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
    return { publish: this.#publish, properties, headers, body }
  }
}
