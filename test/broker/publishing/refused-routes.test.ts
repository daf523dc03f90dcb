import { expect, it } from 'vitest'
import { RefusedRoutes } from '../../../src/broker/publishing/refused-routes.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const to = (routingKey: string) => ({ exchange: '', routingKey })

/** Seconds at which another channel is opened for a route that is refused each 100 ms. */
function opened(seconds: number): number[] {
  const clock = new ManualClock()
  const routes = new RefusedRoutes(clock)
  const at: number[] = []
  for (let ms = 0; ms < seconds * 1_000; ms += 100) {
    if (routes.refused(to('full'))) at.push(ms / 1_000)
    clock.advance(100)
  }
  return at
}

it('opens another channel at once, and then after pauses that double up to a minute', () => {
  expect(opened(250)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243])
})

it('lets no route wait for another', () => {
  const routes = new RefusedRoutes(new ManualClock())
  expect([routes.refused(to('full')), routes.refused(to('full')), routes.refused(to('stuck'))]).toEqual([
    true,
    false,
    true,
  ])
})

it('starts anew with a route that takes messages again, or was not refused for five minutes', () => {
  const clock = new ManualClock()
  const routes = new RefusedRoutes(clock)
  routes.refused(to('a'))
  routes.taken(to('a'))
  expect([routes.size, routes.refused(to('a')), routes.refused(to('a'))]).toEqual([0, true, false])
  clock.advance(5 * 60_000)
  expect(routes.refused(to('a'))).toBe(true)
  clock.advance(1_000)
  expect(routes.refused(to('a'))).toBe(true)
})

it('remembers a thousand routes', () => {
  const routes = new RefusedRoutes(new ManualClock())
  for (let n = 0; n < 1_001; n += 1) routes.refused(to(`reply-${n}`))
  expect(routes.size).toBe(1_000)
})
