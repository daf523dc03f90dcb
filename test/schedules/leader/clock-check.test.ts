import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { ClockCheck } from '../../../src/schedules/leader/clock-check.ts'

it.each([
  [3_600_000, /set forward by 3600 s/],
  [-3_600_000, /set back by 3600 s/],
])('ends the lead of a worker whose clock is set by %d ms', (ms, reason) => {
  const clock = new ManualClock(Date.UTC(2030, 0, 1))
  const check = new ClockCheck(clock, 10_000)
  clock.advance(5_000)
  expect(check.trouble).toBeUndefined()
  check.note()
  clock.jump(ms)
  clock.advance(5_000)
  expect(check.trouble).toMatch(reason)
})

it.each([30_000, -30_000])('tolerates a clock that is set by %d ms', (ms) => {
  const clock = new ManualClock(Date.UTC(2030, 0, 1))
  const check = new ClockCheck(clock, 10_000)
  clock.jump(ms)
  clock.advance(15_000)
  expect(check.trouble).toBeUndefined()
})

it('ends the lead of a process that stood still for longer than two heartbeats', () => {
  const clock = new ManualClock(Date.UTC(2030, 0, 1))
  const check = new ClockCheck(clock, 10_000)
  clock.advance(20_001)
  expect(check.trouble).toMatch(/stood still for 20001 ms/)
})
