import { expect, it } from 'vitest'
import { cutText } from '../../src/runtime/cut-text.ts'

it.each([
  ['a text that fits', 'short', 10, 'short'],
  ['a text that does not', 'abcdefghij', 4, 'abcd…'],
  ['between the halves of a character', 'abc😀d', 4, 'abc…'],
])('cuts %s', (_, text, longest, expected) => {
  expect(cutText(text, longest)).toBe(expected)
})

it('masks a password that the cut would part from its @', () => {
  const text = `${'x'.repeat(980)} amqp://u:hunter2-and-more@h ${'y'.repeat(1_000)}`
  expect(cutText(text)).not.toContain('hunter')
  expect(cutText(text)).toHaveLength(1_001)
})
