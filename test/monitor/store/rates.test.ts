import { expect, it } from 'vitest'
import { Rates } from '../../../src/monitor/store/rates.ts'

const NOW = 1_700_000_000

it('counts what happened in each step, and forgets what is older than its length', () => {
  const rates = new Rates(1, 60, NOW)
  for (let second = 0; second < 100; second++) rates.count('succeeded', NOW + second)
  const stretches = rates.stretches(10, NOW + 100)
  expect(stretches.length).toBe(6)
  expect(stretches.map((stretch) => stretch.count('succeeded'))).toEqual([10, 10, 10, 10, 10, 0])
  expect(rates.recent(10, NOW + 100).count('succeeded')).toBe(10)
  expect(rates.recent(10, NOW + 500).count('succeeded')).toBe(0)
})

it('begins its stretches at multiples of their length, so that points stay where they are', () => {
  const rates = new Rates(1, 60, NOW)
  for (const now of [NOW, NOW + 3, NOW + 17]) {
    expect(rates.stretches(10, now).every(({ at }) => at % 10 === 0)).toBe(true)
  }
})

it('tells middle and slow durations within a tenth', () => {
  const rates = new Rates(1, 60, NOW)
  for (let number = 1; number <= 100; number++) rates.ran(number / 100, NOW)
  const { runtime, wait } = rates.recent(10, NOW + 1)
  expect(Math.abs(runtime.p50! - 0.5)).toBeLessThan(0.1)
  expect(Math.abs(runtime.p95! - 0.95)).toBeLessThan(0.19)
  expect(wait).toEqual({ p50: undefined, p95: undefined })
})

it('takes durations that no clock can measure', () => {
  const rates = new Rates(1, 60, NOW)
  for (const seconds of [-5, 0, 1e300, Number.MIN_VALUE]) rates.ran(seconds, NOW)
  expect(rates.recent(5, NOW + 1).runtime.p50).toBeGreaterThan(0)
})

it('counts what comes a little late in its last step', () => {
  const rates = new Rates(1, 600, NOW)
  rates.count('failed', NOW)
  rates.count('failed', NOW - 300)
  expect(rates.recent(5, NOW + 1).count('failed')).toBe(2)
})

it.each([301, 500, 3_600, 86_400])(
  'goes on where the clock is after it was set back by %i s, without what lies ahead',
  (back) => {
    const rates = new Rates(1, 600, NOW - 100)
    rates.restore([])
    for (const now of [NOW - 50, NOW]) rates.count('succeeded', now)
    rates.count('received', NOW - back)
    rates.count('received', NOW - back + 1)
    const recent = rates.recent(5, NOW - back + 2)
    expect([recent.count('received'), recent.count('succeeded')]).toEqual([2, 0])
    expect(
      rates
        .stretches(10, NOW - back + 2)
        .map((stretch) => stretch.count('succeeded'))
        .some(Boolean),
    ).toBe(false)
    expect(rates.takeChanged().every(({ number }) => number <= NOW - back + 2)).toBe(true)
  },
)
