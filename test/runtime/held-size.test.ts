import { expect, it } from 'vitest'
import { heldSize } from '../../src/runtime/held-size.ts'

it.each([
  ['a text', 'x'.repeat(1_000_000), 2_000_000],
  ['many small lists', Array.from({ length: 100_000 }, () => []), 100_000 * 40],
  ['names of fields', { ['x'.repeat(500_000)]: 1 }, 1_000_000],
  ['bytes', new Uint8Array(1_000_000), 1_000_000],
])('counts at least what is held: %s', (_, value, bytes) => {
  expect(heldSize(value)).toBeGreaterThanOrEqual(bytes)
  expect(heldSize(value)).toBeLessThan(2 * bytes)
})
