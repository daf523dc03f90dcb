import { expect, it } from 'vitest'
import { ManualClock } from '../../../src/runtime/time/manual-clock.ts'
import { FinishedAttempts } from '../../../src/worker/request/finished-attempts.ts'
import { HarmlessReturns } from '../../../src/worker/request/harmless-returns.ts'
import { aDelivery, aRequest } from '../../support/a-request.ts'
import { silentLogger } from '../../support/silent-logger.ts'

it.each([86_400_000, -86_400_000])(
  'knows attempts that ended, and messages that it lost with a channel, when the clock was set by %d ms',
  (ms) => {
    const clock = new ManualClock(Date.UTC(2030, 0, 1))
    const finished = new FinishedAttempts(clock, silentLogger)
    const returns = new HarmlessReturns(clock)
    const request = aRequest({ id: 'x' })
    finished.addAcknowledged(request.message)
    returns.add(request)
    clock.jump(ms)
    expect(finished.acknowledge(aDelivery({ redelivered: true }), request.message, 'celery')).toBe(true)
    expect(returns.take('x')).toBe(1)
  },
)

it('forgets them after an hour, also if the clock was set back meanwhile', () => {
  const clock = new ManualClock(Date.UTC(2030, 0, 1))
  const finished = new FinishedAttempts(clock, silentLogger)
  const returns = new HarmlessReturns(clock)
  const request = aRequest({ id: 'x' })
  finished.addAcknowledged(request.message)
  returns.add(request)
  clock.jump(-86_400_000)
  clock.advance(3_600_001)
  expect(finished.acknowledge(aDelivery({ redelivered: true }), request.message, 'celery')).toBe(false)
  expect(returns.take('x')).toBe(0)
})
