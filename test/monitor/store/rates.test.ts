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

it('goes on in its last step where the clock was set back', () => {
  const rates = new Rates(1, 60, NOW)
  rates.count('failed', NOW)
  rates.count('failed', NOW - 1_000)
  expect(rates.recent(5, NOW + 1).count('failed')).toBe(2)
})
