import { expect, it } from 'vitest'
import { parseRate, TokenBucket } from '../../../src/runtime/time/token-bucket.ts'
import { ManualClock } from '../../support/manual-clock.ts'

it.each([
  ['10', 10],
  ['10/s', 10],
  [' 1.5 / s ', 1.5],
  ['30/m', 0.5],
  ['36/h', 0.01],
  [2, 2],
  [0, 0],
  ['0', 0],
])('reads %j as %d a second', (text, rate) => {
  expect(parseRate(text)).toBe(rate)
})

it.each(['', 'abc', '10/d', '-1', '1/s/s', '/s', -1, Number.NaN, null, {}, true])('takes %j for no rate', (value) => {
  expect(parseRate(value)).toBeUndefined()
})

it('holds one token, and fills up continuously', () => {
  const clock = new ManualClock()
  const bucket = new TokenBucket(clock, 4)
  expect([bucket.take(), bucket.take()]).toEqual([true, false])
  clock.advance(100)
  expect(bucket.wait()).toBe(150)
  clock.advance(150)
  expect(bucket.take()).toBe(true)
  clock.advance(60_000)
  expect([bucket.take(), bucket.take()]).toEqual([true, false])
})

it('has its token after the wait that it names, whatever the rate', () => {
  for (const rate of [1 / 3, 3, 7, 100 / 60, 0.001, 999]) {
    const clock = new ManualClock()
    const bucket = new TokenBucket(clock, rate)
    bucket.take()
    clock.advance(bucket.wait())
    expect(bucket.take()).toBe(true)
  }
})
