import { expect, it } from 'vitest'
import { parseJson } from '../../src/protocol/json.ts'
import { ordinary } from '../../src/runtime/ordinary.ts'

it.each(['{"a": [{"b": {}}], "c": null, "d": "e"}', '[]', '{}', '1', '"text"', 'null'])(
  'makes of %s what JSON.parse makes of it',
  (text) => {
    expect(ordinary(parseJson(text))).toStrictEqual(JSON.parse(text))
  },
)

it('keeps a key that is called __proto__ a key', () => {
  const value = ordinary(parseJson('{"__proto__": {"polluted": true}}')) as object
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  expect(Object.keys(value)).toEqual(['__proto__'])
  expect('polluted' in value).toBe(false)
})

it('leaves dates and bytes as they are', () => {
  const value = { at: new Date(0), bytes: new Uint8Array([1]) }
  expect(ordinary(value)).toStrictEqual({ at: new Date(0), bytes: new Uint8Array([1]) })
})
