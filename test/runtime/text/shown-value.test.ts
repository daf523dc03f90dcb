import { expect, it } from 'vitest'
import { shownValue } from '../../../src/runtime/text/shown-value.ts'

it.each(
  [
    ['10s', '"10s"'],
    ['', '""'],
    ['a "quote"\n', '"a \\"quote\\"\\n"'],
    ['amqp://guest:secret@host', '"amqp://guest:***@host"'],
    ['x'.repeat(200), `"${'x'.repeat(100)}…"`],
    [Number.NaN, 'NaN'],
    [-0.5, '-0.5'],
    [5n, '5n'],
    [2n ** 100_000n, 'a bigint'],
    [true, 'true'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[1], 'an array'],
    [{ a: 1 }, 'an object'],
    [() => {}, 'a function'],
    [Symbol('s'), 'a symbol'],
  ].map(([value, shown]) => ({ value, shown })),
)('shows a value as $shown', ({ value, shown }) => {
  expect(shownValue(value)).toBe(shown)
})

it('shows what refuses to be looked at', () => {
  const { proxy, revoke } = Proxy.revocable([], {})
  revoke()
  expect(shownValue(proxy)).toBe('an object')
})
