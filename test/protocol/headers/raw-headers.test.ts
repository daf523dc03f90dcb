import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFieldTable } from '../../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../../src/protocol/headers/encode-field-table.ts'
import { changeHeaders, spliceTable, withHeadersAsBytes } from '../../../src/protocol/headers/raw-headers.ts'
import type { Headers } from '../../../src/protocol/wire.ts'

const NONE = { drop: () => false }

function entry(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), Buffer.from(value.replaceAll(' ', ''), 'hex')])
}

/** So many tables, each in the one before. */
function deep(levels: number): string {
  let value = Buffer.from([0x56])
  for (let level = 0; level < levels; level++) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(value.length + 2)
    value = Buffer.concat([Buffer.from([0x46]), length, Buffer.from([1, 0x6b]), value])
  }
  return value.toString('hex')
}

function fieldsOf(table: Uint8Array): Headers {
  const { fields, error } = decodeFieldTable(Buffer.from(table))
  expect(error).toBeUndefined()
  return fields
}

describe('a header table that is changed', () => {
  it.each([
    ['a time beyond what 63 bits hold', '54 ffffffffffffffff'],
    ['a value nested deeper than is read', deep(80)],
    ['an unknown type inside an array', '41 00000001 7a'],
    ['a decimal', '44 02 ffffff85'],
    ['an integer of eight bits', '42 ff'],
    ['bytes', '78 00000002 00ff'],
    ['a text that is not UTF-8', '53 00000002 c328'],
    ['an empty table', '46 00000000'],
  ])('keeps the bytes of %s', (_, value) => {
    const kept = entry('kept', value)
    const table = Buffer.concat([entry('a', '49 00000001'), kept, entry('b', '74 01'), entry('a', '56')])
    const spliced = spliceTable(table, { drop: (name) => name === 'b', set: { a: 7 } })
    expect(spliced).toEqual(Buffer.concat([kept, encodeTable({ a: 7 })]))
  })

  it('is the same one where nothing changes', () => {
    const table = encodeTable({ a: 1, b: 'x' })
    expect(spliceTable(table, NONE)).toBe(table)
  })

  it('keeps names that are not UTF-8', () => {
    const table = Buffer.concat([Buffer.from([2, 0xff, 0xfe, 0x56]), entry('a', '56')])
    expect(spliceTable(table, { drop: (name) => name === 'a' })).toEqual(table.subarray(0, 4))
  })

  it('loses every entry of a name that occurs more than once', () => {
    const twice = Buffer.concat([entry('a', '49 00000009'), entry('b', '56'), entry('a', '49 00000008')])
    expect(fieldsOf(spliceTable(twice, { drop: () => false, set: { a: 1 } }))).toEqual({ a: 1, b: null })
  })

  it('leaves out what is set to undefined', () => {
    const changed = changeHeaders(
      { headers: { a: 1 }, rawHeaders: encodeTable({ a: 1 }) },
      { ...NONE, set: { a: undefined, b: 2 } },
    )
    expect({ ...changed.headers }).toEqual({ b: 2 })
    expect(fieldsOf(changed.rawHeaders ?? new Uint8Array())).toEqual({ b: 2 })
  })

  it('may have as many entries as fit into a frame', () => {
    const table = Buffer.concat(Array.from({ length: 40_000 }, (_, at) => entry(at % 2 === 0 ? 'a' : 'b', '56')))
    const spliced = spliceTable(table, { drop: (name) => name === 'a' })
    expect(spliced.length).toBe(table.length / 2)
  })

  it.each([
    ['a tag that no AMQP peer knows', entry('a', '7a')],
    ['a value that runs past the end', entry('a', '53 000000ff 00')],
    ['a name that runs past the end', Buffer.from([9, 97])],
    ['a length that is cut off', entry('a', '53 0000')],
  ])('is refused with %s', (_, table) => {
    expect(() => spliceTable(table, { drop: () => true })).toThrow(
      expect.objectContaining({ code: 'TWQ_UNSERIALISABLE' }),
    )
  })

  it('says in bytes what it says decoded, whatever it holds', () => {
    const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null), fc.array(fc.string()))
    const name = fc.constantFrom('a', 'b', 'c', 'x-death', 'ü', '__proto__')
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, value)),
        fc.dictionary(name, value),
        fc.subarray(['a', 'b', 'ü']),
        (entries, set, dropped) => {
          const table = Buffer.concat(
            entries.map(([key, content]) => encodeTable(Object.fromEntries([[key, content]]))),
          )
          const before = decodeFieldTable(table).fields
          const change = { drop: (key: string) => (dropped as string[]).includes(key), set }
          const { headers, rawHeaders } = changeHeaders({ headers: before, rawHeaders: table }, change)
          expect({ ...fieldsOf(rawHeaders ?? table) }).toEqual({ ...headers })
        },
      ),
    )
  })
})

describe('a message that is to wait for its confirm', () => {
  const route = { exchange: '', routingKey: 'mail.failed' }
  const message = { properties: { deliveryMode: 2 }, headers: { 'x-twq-kept': 'whole' }, body: Buffer.from('[]') }

  it('has its headers as bytes alone, which are its own', () => {
    const one = withHeadersAsBytes({ route, message })
    withHeadersAsBytes({ route, message: { ...message, headers: { other: 'x'.repeat(1_000) } } })
    expect(one).toMatchObject({ route, message: { properties: message.properties, headers: {}, body: message.body } })
    expect(fieldsOf(one.message.rawHeaders as Uint8Array)).toEqual(message.headers)
  })

  it.each([
    ['are large', { large: 'x'.repeat(20_000) }],
    ['can not be written', { when: new Date(0) as never }],
  ])('stays as it is where its headers %s', (_title, headers) => {
    const outgoing = { route, message: { ...message, headers } }
    expect(withHeadersAsBytes(outgoing)).toEqual(outgoing)
  })
})
