import { describe, expect, it } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { runUnderLimits } from '../../src/pool/limited-run.ts'
import type { RunOptions } from '../../src/pool/pool.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import type { Outcome } from '../../src/tasks/attempt/outcome.ts'
import { anInvocation, aSilentLogger } from '../support/attempts.ts'
import { ManualClock } from '../support/manual-clock.ts'

const DONE: Outcome = { kind: 'succeeded', result: 'done', runtime: 1 }

function aLimitedRun(limits: { soft?: number; hard?: number }) {
  const clock = new ManualClock()
  const ending = deferred<Outcome>()
  const parent = new AbortController()
  const stored: string[] = []
  const overruns: Promise<Outcome>[] = []
  let given!: RunOptions
  const outcome = runUnderLimits({
    limits: { soft: undefined, hard: undefined, ...limits },
    invocation: anInvocation(),
    options: { signal: parent.signal, onState: async (state) => void stored.push(state) },
    clock,
    logger: aSilentLogger(),
    run: (options) => {
      given = options
      return ending.promise
    },
    onOverrun: (attempt) => overruns.push(attempt),
  })
  return { clock, ending, parent, stored, overruns, outcome, given }
}

describe('an attempt under limits', () => {
  it('aborts its signal at the soft limit, and leaves the rest to the task', async () => {
    const { clock, given, ending, outcome } = aLimitedRun({ soft: 1_000, hard: 2_000 })
    clock.advance(999)
    expect(given.signal.aborted).toBe(false)
    clock.advance(1)
    expect(TwqError.is(given.signal.reason, 'TWQ_SOFT_LIMIT')).toBe(true)
    ending.resolve(DONE)
    expect(await outcome).toEqual(DONE)
  })

  it('is timed out at the hard limit, with the limit in seconds as Celery says it', async () => {
    const { clock, outcome, overruns } = aLimitedRun({ hard: 1_500 })
    clock.advance(1_500)
    expect(await outcome).toEqual({
      kind: 'timed-out',
      limit: 1_500,
      error: { type: 'TimeLimitExceeded', module: 'billiard.exceptions', args: [1.5], traceback: null },
    })
    expect(overruns).toHaveLength(1)
  })

  it('stores nothing more once it is timed out, and its own end changes nothing', async () => {
    const { clock, given, ending, outcome, stored } = aLimitedRun({ hard: 1_000 })
    await given.onState('PROGRESS', 1)
    clock.advance(1_000)
    await given.onState('PROGRESS', 2)
    ending.resolve(DONE)
    expect((await outcome).kind).toBe('timed-out')
    expect(stored).toEqual(['PROGRESS'])
  })

  it('that ends in time is never timed out', async () => {
    const { clock, ending, outcome, overruns, given } = aLimitedRun({ soft: 500, hard: 1_000 })
    ending.resolve(DONE)
    expect(await outcome).toEqual(DONE)
    clock.advance(2_000)
    expect(overruns).toEqual([])
    expect(given.signal.aborted).toBe(false)
  })

  it('that is over when its code returns has no timer', () => {
    class Timerless extends ManualClock {
      override after(): never {
        throw new Error('a timer was set')
      }
    }
    const outcome = runUnderLimits({
      limits: { soft: 500, hard: 1_000 },
      invocation: anInvocation(),
      options: { signal: new AbortController().signal, onState: async () => {} },
      clock: new Timerless(),
      logger: aSilentLogger(),
      run: () => DONE,
      onOverrun: () => {},
    })
    expect(outcome).toBe(DONE)
  })

  it('still aborts for any other reason', () => {
    const { parent, given, clock } = aLimitedRun({ soft: 1_000 })
    const reason = new TwqError('TWQ_SHUTTING_DOWN', 'the worker is shutting down')
    parent.abort(reason)
    clock.advance(1_000)
    expect(given.signal.reason).toBe(reason)
  })
})
