import { expect, it } from 'vitest'
import { printable, printableLines } from '../../../src/runtime/text/printable.ts'

it.each([
  ['plain text, näïve ✓ 🙂', 'plain text, näïve ✓ 🙂'],
  ['two\nlines', 'two\\nlines'],
  ['\r\t', '\\r\\t'],
  ['\u001b[2J', '\\u001b[2J'],
  ['\u009b31m', '\\u009b31m'],
  ['\u202eevil', '\\u202eevil'],
  ['a\u2028b', 'a\\u2028b'],
])('writes %j as %j', (text, expected) => {
  expect(printable(text)).toBe(expected)
})

it('keeps the line breaks of a text that is many lines by nature', () => {
  expect(printableLines('a\u001b\n  b')).toBe('a\\u001b\n  b')
})
