import { decodeFieldTable } from '../protocol/headers/decode-field-table.ts'
import type { Headers } from '../protocol/wire.ts'
import type { FieldType } from './methods.ts'

/** Takes a frame's payload apart, value by value. Throws a `RangeError` where it ends too early or a table is broken. */
export class PayloadReader {
  readonly #bytes: Buffer
  #offset = 0
  #bit = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  field(type: FieldType): unknown {
    if (type === 'bit') return this.flag()
    this.#bit = 0
    switch (type) {
      case 'octet':
        return this.number(1)
      case 'short':
        return this.number(2)
      case 'long':
        return this.number(4)
      case 'longlong':
        return this.number(8)
      case 'shortstr':
        return this.shortText()
      case 'longstr':
        return Uint8Array.from(this.lengthPrefixed())
      case 'table':
        return this.table()
    }
  }

  number(width: 1 | 2 | 4 | 8): number {
    const bytes = this.#take(width)
    return width === 8 ? Number(bytes.readBigUInt64BE()) : bytes.readUIntBE(0, width)
  }

  // Neighbouring bits share an octet, the first in the lowest place.
  flag(): boolean {
    if (this.#bit === 0 || this.#bit === 8) {
      this.#take(1)
      this.#bit = 0
    }
    return ((this.#bytes[this.#offset - 1] as number) & (1 << this.#bit++)) !== 0
  }

  shortText(): string {
    return this.#take(this.number(1)).toString('utf8')
  }

  lengthPrefixed(): Buffer {
    return this.#take(this.number(4))
  }

  table(): Headers {
    const { fields, error } = decodeFieldTable(Buffer.from(this.lengthPrefixed()))
    if (error !== undefined) throw new RangeError(error)
    return fields
  }

  #take(length: number): Buffer {
    const end = this.#offset + length
    if (end > this.#bytes.length) throw new RangeError(`the frame ends ${end - this.#bytes.length} bytes early`)
    const taken = this.#bytes.subarray(this.#offset, end)
    this.#offset = end
    return taken
  }
}
