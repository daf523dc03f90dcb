import { expect, it } from 'vitest'
import { LamportClock } from '../../../src/protocol/remote/lamport-clock.ts'

it('is ahead of every stamp that it has seen or given', () => {
  const clock = new LamportClock()
  expect([clock.tick(), clock.tick()]).toEqual([1, 2])
  clock.adjust(10)
  expect(clock.tick()).toBe(12)
  clock.adjust(3)
  expect(clock.tick()).toBe(14)
})

it.each([2 ** 52, 2 ** 53 - 2, Number.MAX_SAFE_INTEGER, 2 ** 53, 1e300, Number.POSITIVE_INFINITY, Number.NaN, 0.5, -7])(
  'still counts in exact steps after a message with stamp %d',
  (stamp) => {
    const clock = new LamportClock()
    clock.adjust(stamp)
    const stamps = [clock.tick(), clock.tick(), clock.tick()]
    const [first = 0] = stamps
    expect(stamps).toEqual([first, first + 1, first + 2])
    expect(new Set(stamps).size).toBe(3)
    expect(stamps.every(Number.isSafeInteger)).toBe(true)
  },
)
