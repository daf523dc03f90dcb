import { expect, it } from 'vitest'
import { expectedSilence } from '../../src/sending/broadcast.ts'

it.each([
  ['at once', 3, 50],
  ['after a while', 40, 160],
  ['late', 2_000, 500],
])('expects nobody else after a silence that fits how the last one answered: %s', (_, latency, silence) => {
  expect(expectedSilence(50, latency)).toBe(silence)
})
