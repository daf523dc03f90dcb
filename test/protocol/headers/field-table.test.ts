import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFieldTable, MAX_DEPTH } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeFieldTable } from '../../../src/protocol/headers/encode-field-table.ts'
import type { Headers, HeaderValue } from '../../../src/protocol/wire.ts'

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

/** One field named `k`. */
const field = (valueHex: string): Buffer => hex(`01 6b ${valueHex}`)

function encode(table: object, size = 65_536): Buffer {
  const buffer = Buffer.alloc(size)
  return buffer.subarray(0, encodeFieldTable(buffer, table, 0))
}

function decode(encoded: Buffer): Headers {
  const { fields, error } = decodeFieldTable(encoded.subarray(4))
  expect(error).toBeUndefined()
  return fields
}

function nested(levels: number): Buffer {
  let table = Buffer.alloc(0)
  for (let level = 0; level < levels; level++) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(table.length)
    table = Buffer.concat([hex('01 6b 46'), length, table])
  }
  return table
}

describe('decodeFieldTable', () => {
  it.each<[string, string, HeaderValue]>([
    ['a string', '53 00000003 c3a978', 'éx'],
    ['an int32', '49 fffffffe', -2],
    ['an int64 from amqplib', '6c 0000010000000000', 2 ** 40],
    ['an int64 from py-amqp', '4c 0000010000000000', 2 ** 40],
    ['a negative int64', '4c ffffff0000000000', -(2 ** 40)],
    ['an int64 beyond 2^53', '6c 0020000000000001', 2n ** 53n + 1n],
    ['the smallest int64', '4c 8000000000000000', -(2n ** 63n)],
    ['an int8', '62 ff', -1],
    ['a uint8', '42 ff', 255],
    ['an int16', '73 ff38', -200],
    ['a uint16', '75 ffff', 65_535],
    ['a uint32', '69 ffffffff', 4_294_967_295],
    ['a float', '66 3fc00000', 1.5],
    ['a double', '64 3ff8000000000000', 1.5],
    ['true', '74 01', true],
    ['false', '74 00', false],
    ['nothing', '56', null],
    ['bytes', '78 00000002 00ff', Buffer.from([0, 255])],
    ['a timestamp, as seconds', '54 0000000065000000', 0x65000000],
    ['a decimal, as text', '44 02 0000007b', '1.23'],
    ['a small decimal', '44 03 00000005', '0.005'],
    ['a negative decimal', '44 02 ffffffff', '-0.01'],
    ['a whole decimal', '44 00 00000005', '5'],
    ['an array', '41 00000006 56 49 00000001', [null, 1]],
  ])('reads %s', (_, value, expected) => {
    const { fields, error } = decodeFieldTable(field(value))
    expect(error).toBeUndefined()
    expect(fields.k).toStrictEqual(expected)
  })

  it('gives tables without a prototype, so that no key can be mistaken for a method', () => {
    const { fields } = decodeFieldTable(hex('09 5f5f70726f746f5f5f 46 00000004 01 61 7401'))
    expect(Object.keys(fields)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(fields)).toBeNull()
    const inner = Object.getOwnPropertyDescriptor(fields, '__proto__')?.value as object
    expect(Object.getPrototypeOf(inner)).toBeNull()
    expect({ ...inner }).toEqual({ a: true })
  })

  it('reads tables nested to the bound, and flags deeper ones instead of failing', () => {
    expect(decodeFieldTable(nested(MAX_DEPTH)).error).toBeUndefined()
    for (const levels of [MAX_DEPTH + 2, 5_000]) {
      const bytes = nested(levels)
      const table = decodeFieldTable(bytes)
      expect(table.error).toBe('nested deeper than 64 levels')
      expect(Object.keys(table.fields)).toEqual([])
      expect(table.bytes).toBe(bytes)
    }
  })

  it.each([
    ['a text that runs past the end', field('53 000000ff 61'), /255 bytes are announced where 1 are left/],
    ['a key that runs past the end', hex('ff 61'), /255 bytes are announced/],
    ['a number cut short', field('49 0000'), /out of range|outside buffer bounds/],
    ['an inner table longer than the outer', field('46 000000ff'), /255 bytes are announced/],
    ['a value that runs past its array', field('41 00000002 49 00000001'), /past the end of its array/],
    ['an unknown tag', field('3f'), /unknown type tag 0x3f/],
    ['a missing tag', hex('01 6b'), /out of range|outside buffer bounds/],
  ])('flags %s', (_, bytes, problem) => {
    const table = decodeFieldTable(bytes)
    expect(table.error).toMatch(problem)
    expect(Object.keys(table.fields)).toEqual([])
    expect(table.bytes).toBe(bytes)
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const table = decodeFieldTable(Buffer.from(bytes))
        expect('toString' in table.fields).toBe(false)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('encodeFieldTable', () => {
  it.each<[string, HeaderValue, string]>([
    ['a small integer as int32, which every py-amqp reads', 300, '49 0000012c'],
    ['a negative integer', -1, '49 ffffffff'],
    ['the largest int32', 2 ** 31 - 1, '49 7fffffff'],
    ['an integer beyond int32', 2 ** 31, '6c 0000000080000000'],
    ['a bigint', 2n ** 63n - 1n, '6c 7fffffffffffffff'],
    ['a fraction', 1.5, '64 3ff8000000000000'],
    ['a whole number beyond 2^53 as a double', 2 ** 60, '64 43b0000000000000'],
    ['text', 'é', '53 00000002 c3a9'],
    ['null', null, '56'],
    ['true', true, '74 01'],
    ['bytes', new Uint8Array([1, 2]), '78 00000002 0102'],
    ['an array', [300, 'a'], '41 0000000b 49 0000012c 53 00000001 61'],
    ['a table', { a: 1 }, '46 00000007 01 61 49 00000001'],
  ])('writes %s', (_, value, expected) => {
    const written = encode({ k: value })
    expect(written.subarray(4).toString('hex')).toBe(field(expected).toString('hex'))
    expect(written.readUInt32BE(0)).toBe(written.length - 4)
  })

  it('leaves out what is undefined and writes what is inherited', () => {
    const written = encode(Object.create({ a: 1, b: undefined }))
    expect({ ...decode(written) }).toEqual({ a: 1 })
  })

  it.each<[string, object, RegExp]>([
    [
      'an integer beyond 64 bits',
      { a: { b: [0, 2n ** 63n] } },
      /header a\.b\.1 is 9223372036854775808, which does not fit/,
    ],
    ['a date', { a: new Date(0) }, /header a is a Date/],
    ['a function', { a: () => 1 }, /header a is a function/],
    ['a name beyond 255 bytes', { ['k'.repeat(256)]: 1 }, /has a name of 256 bytes/],
    ['more than fits', { a: 'x'.repeat(65_536) }, /take more than the 65536 bytes/],
  ])('refuses %s and says where', (_, table, problem) => {
    expect(() => encode(table)).toThrowError(
      expect.objectContaining({ code: 'TWQ_UNSERIALISABLE', message: expect.stringMatching(problem) }),
    )
  })

  it('refuses a table that contains itself', () => {
    const table: Record<string, unknown> = {}
    table.self = table
    expect(() => encode(table)).toThrowError(/nested deeper than 64 levels/)
  })

  it('is read back as it was written', () => {
    const value = fc.letrec<{ value: HeaderValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constant(null),
        fc.boolean(),
        fc.string(),
        fc.integer(),
        fc.maxSafeInteger(),
        fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.string({ maxLength: 10 }), tie('value'), { maxKeys: 4 }).map(withoutPrototype),
      ),
    })).value
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 20 }), value, { maxKeys: 6 }), (table) => {
        expect(decode(encode(withoutPrototype(table), 1 << 20))).toStrictEqual(withoutPrototype(table))
      }),
    )
  })
})

function withoutPrototype(table: Record<string, HeaderValue>): Headers {
  return Object.assign(Object.create(null), table)
}
