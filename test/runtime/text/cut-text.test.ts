import { expect, it } from 'vitest'
import { beginningOf, cutLines, cutText, startOf } from '../../../src/runtime/text/cut-text.ts'

it.each([
  ['a text that fits', 'short', 10, 'short'],
  ['a text that does not', 'abcdefghij', 4, 'abcd…'],
  ['between the halves of a character', 'abc😀d', 4, 'abc…'],
])('cuts %s', (_, text, longest, expected) => {
  expect(cutText(text, longest)).toBe(expected)
})

it.each([startOf, beginningOf])('takes the start of a text without half of a surrogate pair: %o', (start) => {
  const starts = [0, 1, 2, 3, 4, 5].map((length) => start('a😀b😀', length))
  expect(starts).toEqual(['', 'a', 'a', 'a😀', 'a😀b', 'a😀b'])
  expect(start('a😀b😀', 6)).toBe('a😀b😀')
})

it('masks a password that the cut would part from its @', () => {
  const text = `${'x'.repeat(980)} amqp://u:hunter2-and-more@h ${'y'.repeat(1_000)}`
  expect(cutText(text)).not.toContain('hunter')
  expect(cutText(text)).toHaveLength(1_001)
})

it('shows few lines whole, and of many the beginning and the end', () => {
  const lines = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}`).join('\n')
  expect(cutLines(lines(40), 40)).toBe(lines(40))
  const cut = cutLines(lines(500), 40, '; -v shows them').split('\n')
  expect(cut).toHaveLength(40)
  expect(cut).toEqual(
    expect.arrayContaining(['line 1', 'line 20', '  … 461 lines left out; -v shows them', 'line 500']),
  )
})
