import { expect, it } from 'vitest'
import { EarliestTimer } from '../../../src/runtime/time/earliest-timer.ts'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'

function aTimer() {
  const clock = new ManualClock()
  const begin = clock.monotonic()
  const ran: number[] = []
  const timer = new EarliestTimer(clock, () => void ran.push(clock.monotonic() - begin))
  return { clock, ran, timer, at: (moment: number) => timer.notAfter(begin + moment) }
}

it('runs once, at the earliest moment that was asked for', () => {
  const { clock, ran, at } = aTimer()
  at(200)
  at(100)
  at(300)
  clock.advance(1_000)
  expect(ran).toEqual([100])
})

it('runs again when it is asked anew, at once for what is past', () => {
  const { clock, ran, at } = aTimer()
  at(100)
  clock.advance(100)
  at(50)
  clock.advance(0)
  at(400)
  clock.advance(1_000)
  expect(ran).toEqual([100, 100, 400])
})

it('runs no more once it is cancelled, until it is asked anew', () => {
  const { clock, ran, timer, at } = aTimer()
  at(100)
  timer.cancel()
  clock.advance(200)
  expect(ran).toEqual([])
  at(300)
  clock.advance(200)
  expect(ran).toEqual([300])
})
