import { describe, expect, it } from 'vitest'
import { elementSpans, memberSpans, spliceJson } from '../../src/protocol/json-spans.ts'

function elements(text: string): string[] {
  return elementSpans(text).map(({ start, end }) => text.slice(start, end))
}

describe('elementSpans', () => {
  it.each([
    ['[]', []],
    ['[1]', ['1']],
    [' [ 1 , "a,]" , {"x": [1, 2]} ] ', ['1', '"a,]"', '{"x": [1, 2]}']],
    ['["a\\"]", [["]"]], NaN, -Infinity, null]', ['"a\\"]"', '[["]"]]', 'NaN', '-Infinity', 'null']],
    ['{"a": 1}', []],
  ])('parts %s', (text, expected) => {
    expect(elements(text)).toEqual(expected)
  })
})

describe('memberSpans', () => {
  it('finds each member with its key, those of an escaped name and of the same one included', () => {
    const text = '{"a": 1, "\\u0061": {"b": [2]}, "c":"}"}'
    const found = memberSpans(text, 0).map(({ key, start, end }) => [key, text.slice(start, end)])
    expect(found).toEqual([
      ['a', '1'],
      ['a', '{"b": [2]}'],
      ['c', '"}"'],
    ])
  })

  it('finds none in another value', () => {
    expect(memberSpans('null', 0)).toEqual([])
  })
})

describe('spliceJson', () => {
  it('replaces values, and leaves every other character', () => {
    const text = '[1.0, {"a": 2}, 3e400]'
    const [, second] = elementSpans(text)
    expect(spliceJson(text, [{ start: second?.start ?? 0, end: second?.end ?? 0, by: 'null' }])).toBe(
      '[1.0, null, 3e400]',
    )
  })
})
