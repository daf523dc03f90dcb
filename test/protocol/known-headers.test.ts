import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeFieldTable } from '../../src/protocol/headers/decode-field-table.ts'
import { encodeTable } from '../../src/protocol/headers/encode-field-table.ts'
import { hasOnlyProtocolHeaders, isProtocolHeader, KnownHeader } from '../../src/protocol/known-headers.ts'
import type { Headers, HeaderValue } from '../../src/protocol/wire.ts'

const NAMES = ['task', 'id', 'root_id', 'lang', 'eta', 'retries', 'timelimit', 'stamps', 'argsrepr', 'origin', 'method']
// One letter away from a name, as long as one, or what every object of JavaScript inherits.
const OTHERS = [
  'tasks',
  'Task',
  'tosk',
  'x-twq-starts',
  '__proto__',
  'constructor',
  'toString',
  '',
  'é',
  'hasOwnProperty',
]

const value: fc.Arbitrary<HeaderValue> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constantFrom('py', 'add', 'gen1@host', ''),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([null, null]),
  fc.constant({}),
)

const tables = (names: readonly string[]) =>
  fc
    .uniqueArray(fc.constantFrom(...names))
    .chain((keys) => fc.tuple(...keys.map((key) => value.map((given) => [key, given] as const))))

function tableOf(entries: readonly (readonly [string, HeaderValue])[]): Headers {
  const table = Object.create(null) as Record<string, HeaderValue>
  for (const [key, given] of entries) table[key] = given
  return table
}

it('reads headers of the protocol as they were written, again and again', () => {
  fc.assert(
    fc.property(tables(NAMES), (entries) => {
      const { fields, error } = decodeFieldTable(encodeTable(tableOf(entries)))
      expect(error).toBeUndefined()
      expect(Object.entries(fields)).toEqual(entries)
      expect(hasOnlyProtocolHeaders(fields)).toBe(true)
    }),
  )
})

it('reads other headers among them, in order, and says so', () => {
  fc.assert(
    fc.property(tables([...NAMES, ...OTHERS]), (entries) => {
      const { fields, error } = decodeFieldTable(encodeTable(tableOf(entries)))
      expect(error).toBeUndefined()
      expect(Object.entries(fields)).toEqual(entries)
      expect(hasOnlyProtocolHeaders(fields)).toBe(entries.every(([key]) => isProtocolHeader(key)))
    }),
  )
})

it('gives tables that inherit nothing', () => {
  const { fields } = decodeFieldTable(encodeTable({ task: 'add' }))
  for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) expect(name in fields).toBe(false)
  expect(() => Object.assign(Object.getPrototypeOf(fields), { polluted: true })).toThrow(TypeError)
})

it('takes the last of two entries of one name', () => {
  const twice = Buffer.concat([encodeTable({ task: 'add' }), encodeTable({ task: 'subtract' })])
  expect(decodeFieldTable(twice).fields).toEqual({ task: 'subtract' })
})

it('is cut short at any byte without reading past the end', () => {
  const bytes = encodeTable({ lang: 'py', task: 'add', retries: 0 })
  const after = Buffer.concat([bytes, bytes])
  for (let cut = 0; cut < bytes.length; cut++) {
    const { fields, error } = decodeFieldTable(after.subarray(0, cut))
    if (error === undefined) expect(Object.keys(fields).length).toBeLessThan(3)
    else expect(fields).toEqual({})
  }
})

it('reads a text right whichever came before, also when it has ceased to compare', () => {
  const header = new KnownHeader('task', () => {})
  const read = (text: string): string => {
    const bytes = Buffer.from(text)
    return header.text(bytes, 0, bytes.length)
  }
  const texts = [
    'add',
    'add',
    'adz',
    'ad',
    'add',
    ...Array.from({ length: 40 }, (_, index) => `id-${index}`),
    'add',
    'add',
    'é',
  ]
  expect(texts.map(read)).toEqual(texts)
})
