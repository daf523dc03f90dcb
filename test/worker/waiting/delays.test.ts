import { expect, it } from 'vitest'
import { waitsHere } from '../../../src/worker/waiting/delays.ts'

const limits = { holdFor: 600_000, maxHeld: 100, maxHeldSize: 10_000 }
const facts = { seconds: 60, held: 0, heldBytes: 0, size: 100, quorum: false }

it.each([
  ['a short delay', {}, true],
  ['as long as may be', { seconds: 600 }, true],
  ['longer', { seconds: 601 }, false],
  ['the last one that fits', { held: 99, heldBytes: 9_900 }, true],
  ['one too many', { held: 100 }, false],
  ['one too large', { heldBytes: 9_901 }, false],
  ['a short delay in a quorum queue', { seconds: 1, quorum: true }, false],
  ['less than the broker can count', { seconds: 0, quorum: true }, true],
  ['less than the broker can count, past the limits', { seconds: 0, held: 100 }, true],
])('%s: waits in the worker: %s', (_what, change, here) => {
  expect(waitsHere({ ...facts, ...change }, limits)).toBe(here)
})
