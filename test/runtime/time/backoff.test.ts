import { describe, expect, it } from 'vitest'
import { BackoffState, retryDelay } from '../../../src/runtime/time/backoff.ts'
import type { Clock } from '../../../src/runtime/time/clock.ts'

const MOST = () => 1

describe('retryDelay', () => {
  it.each([
    [1, 0, 100],
    [2, 100, 200],
    [4, 700, 800],
    [5, 1_500, 1_500],
    [50, 59_999, 1_500],
    [50, 60_000, 5_000],
    [5_000, 3_600_000, 5_000],
  ])('is at most, for try %i after %i ms, %i ms', (attempt, elapsed, most) => {
    expect(retryDelay(attempt, elapsed, MOST)).toBe(most)
    expect(retryDelay(attempt, elapsed, () => 0.5)).toBe(most / 2)
    expect(retryDelay(attempt, elapsed, () => 0)).toBe(0)
  })
})

describe('Streak', () => {
  function aStreak() {
    let now = 1_000
    const clock: Clock = { now: () => now, monotonic: () => now, after: () => ({ cancel: () => {} }) }
    const pass = (ms: number): void => {
      now += ms
    }
    return { backoff: new BackoffState(clock, MOST), pass }
  }

  it('waits longer with each failure', () => {
    const { backoff } = aStreak()
    expect([backoff.failed(), backoff.failed(), backoff.failed()]).toEqual([100, 200, 400])
    expect(backoff.failures).toBe(3)
  })

  it('doubles up to the longest wait that is given', () => {
    const clock: Clock = { now: () => 0, monotonic: () => 0, after: () => ({ cancel: () => {} }) }
    const backoff = new BackoffState(clock, MOST, { longest: 30_000 })
    const waits = Array.from({ length: 12 }, () => backoff.failed())
    expect(waits.slice(0, 3)).toEqual([100, 200, 400])
    expect(waits.slice(-3)).toEqual([30_000, 30_000, 30_000])
  })

  it('goes on when what came up falls over at once, and begins anew when it stayed up for a while', () => {
    const { backoff, pass } = aStreak()
    backoff.failed()
    backoff.up()
    pass(4_999)
    expect(backoff.failed()).toBe(200)
    backoff.up()
    pass(5_000)
    expect(backoff.failed()).toBe(100)
    expect(backoff.elapsed).toBe(0)
  })
})
