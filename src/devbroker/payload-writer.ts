import { encodeFieldTable } from '../protocol/headers/encode-field-table.ts'
import type { Headers } from '../protocol/wire.ts'
import type { FieldType } from './methods.ts'

/** Puts a frame's payload together, value by value. */
export class PayloadWriter {
  readonly #parts: Uint8Array[] = []
  #flags: Buffer | undefined
  #bit = 0

  field(type: FieldType, value: unknown): void {
    if (type !== 'bit') this.#flags = undefined
    switch (type) {
      case 'bit':
        this.flag(value as boolean)
        break
      case 'octet':
        this.number(value as number, 1)
        break
      case 'short':
        this.number(value as number, 2)
        break
      case 'long':
        this.number(value as number, 4)
        break
      case 'longlong':
        this.number(value as number, 8)
        break
      case 'shortstr':
        this.shortText(value as string)
        break
      case 'longstr':
        this.lengthPrefixed(value as Uint8Array)
        break
      case 'table':
        this.table(value as Headers)
    }
  }

  number(value: number, width: 1 | 2 | 4 | 8): void {
    const bytes = Buffer.allocUnsafe(width)
    if (width === 8) bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)))
    else bytes.writeUIntBE(value, 0, width)
    this.#parts.push(bytes)
  }

  flag(value: boolean): void {
    if (this.#flags === undefined || this.#bit === 8) {
      this.#flags = Buffer.alloc(1)
      this.#bit = 0
      this.#parts.push(this.#flags)
    }
    if (value) this.#flags[0] = (this.#flags[0] as number) | (1 << this.#bit)
    this.#bit++
  }

  shortText(text: string): void {
    const bytes = shortened(text)
    this.#parts.push(Uint8Array.of(bytes.length), bytes)
  }

  lengthPrefixed(bytes: Uint8Array): void {
    this.number(bytes.length, 4)
    this.#parts.push(bytes)
  }

  table(fields: Headers): void {
    const space = Buffer.alloc(LARGEST_TABLE)
    this.#parts.push(Buffer.from(space.subarray(0, encodeFieldTable(space, fields, 0))))
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

const LARGEST_TABLE = 65_536

// A short string holds 255 bytes; RabbitMQ cuts longer reply texts too.
function shortened(text: string): Buffer {
  const bytes = Buffer.from(text)
  return bytes.length <= 255 ? bytes : Buffer.concat([bytes.subarray(0, 252), Buffer.from('...')])
}
