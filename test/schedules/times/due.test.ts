import { describe, expect, it } from 'vitest'
import { nextStep, type Timed } from '../../../src/schedules/times/due.ts'
import { lastDue, nextDue, type Timing } from '../../../src/schedules/times/timing.ts'

const T = Date.UTC(2030, 0, 1)
const SECOND = 1_000
const eachSecond: Timing = { kind: 'every', ms: SECOND }

function timed(fields: Partial<Timed> = {}): Timed {
  return { timing: eachSecond, catchUp: 'last', jitter: 0, delay: () => 0, ...fields }
}

describe('every', () => {
  it('counts on a grid from 1970, so that every leader counts alike', () => {
    const timing: Timing = { kind: 'every', ms: 7_000 }
    const next = nextDue(timing, T) as number
    expect(next % 7_000).toBe(0)
    expect(next - T).toBeGreaterThan(0)
    expect(next - T).toBeLessThanOrEqual(7_000)
    expect(nextDue(timing, next)).toBe(next + 7_000)
  })

  it('counts from startAt, which is a due time, up to endAt, which is one too', () => {
    const timing: Timing = { kind: 'every', ms: 7_000, startAt: T + 1, endAt: T + 7_001 }
    expect(nextDue(timing, 0)).toBe(T + 1)
    expect(nextDue(timing, T + 1)).toBe(T + 7_001)
    expect(nextDue(timing, T + 7_001)).toBeUndefined()
  })

  it('is not due any more where there is no date for it', () => {
    expect(nextDue(eachSecond, 8.64e15 - SECOND)).toBe(8.64e15)
    expect(nextDue(eachSecond, 8.64e15)).toBeUndefined()
    expect(nextDue({ kind: 'every', ms: 9e15 }, T)).toBeUndefined()
  })
})

describe('at', () => {
  it('is due once', () => {
    const timing: Timing = { kind: 'at', time: T }
    expect(nextDue(timing, T - 1)).toBe(T)
    expect(nextDue(timing, T)).toBeUndefined()
  })
})

describe('cron', () => {
  it('is not due before startAt nor after endAt', () => {
    const timing: Timing = { kind: 'cron', pattern: '0 * * * *', tz: 'UTC', startAt: T, endAt: T + 3_600_000 }
    expect(nextDue(timing, 0)).toBe(T)
    expect(nextDue(timing, T)).toBe(T + 3_600_000)
    expect(nextDue(timing, T + 3_600_000)).toBeUndefined()
  })

  it('takes months and weekdays by name, and a sixth field for the second', () => {
    expect(nextDue({ kind: 'cron', pattern: '15 0 12 * JAN MON', tz: 'UTC' }, T)).toBe(Date.UTC(2030, 0, 7, 12, 0, 15))
  })

  it('has both the day of the month and the weekday fit, where it is told to', () => {
    const fields = { kind: 'cron', pattern: '0 9 1-7 * MON', tz: 'UTC' } as const
    expect(nextDue(fields, T)).toBe(Date.UTC(2030, 0, 1, 9))
    expect(nextDue({ ...fields, domAndDow: true }, T)).toBe(Date.UTC(2030, 0, 7, 9))
  })
})

describe('the last due time', () => {
  it.each<Timing>([
    eachSecond,
    { kind: 'every', ms: 7_000 },
    { kind: 'cron', pattern: '*/5 * * * * *', tz: 'UTC' },
    { kind: 'cron', pattern: '0 2 * * *', tz: 'Europe/Berlin' },
    { kind: 'cron', pattern: '30 2 31 3,10 *', tz: 'Europe/Berlin' },
  ])('is the one after which none comes in time: %o', (timing) => {
    const until = Date.UTC(2030, 10, 5, 3, 4, 5, 678)
    const last = lastDue(timing, T, until) as number
    expect(last).toBeLessThanOrEqual(until)
    expect(nextDue(timing, last - 1)).toBe(last)
    expect(nextDue(timing, last)).toBeGreaterThan(until)
  })

  it('is none where nothing was due', () => {
    expect(lastDue(eachSecond, T, T + 999)).toBeUndefined()
  })
})

describe('a leader', () => {
  it('waits for what is not due', () => {
    expect(nextStep(timed(), T, T + 999, T)).toEqual({ kind: 'wait', until: T + SECOND })
  })

  it('sends what is due, at its time', () => {
    expect(nextStep(timed(), T, T + SECOND, T)).toEqual({ kind: 'send', due: T + SECOND, missed: 0 })
  })

  it('waits for ever once nothing will be due', () => {
    expect(nextStep(timed({ timing: { kind: 'at', time: T } }), T, T, T)).toEqual({ kind: 'wait', until: undefined })
  })

  it('sends the last of a gap, and counts the others, by default', () => {
    expect(nextStep(timed(), T, T + 10 * SECOND + 5, T + 10 * SECOND)).toEqual({
      kind: 'send',
      due: T + 10 * SECOND,
      missed: 9,
    })
  })

  it("sends each of a gap with 'all'", () => {
    const all = timed({ catchUp: 'all' })
    expect(nextStep(all, T, T + 10 * SECOND, T + 10 * SECOND)).toEqual({ kind: 'send', due: T + SECOND, missed: 0 })
  })

  it("sends nothing of a gap with 'skip', and what is due from then on", () => {
    const skip = timed({ catchUp: 'skip' })
    const ledSince = T + 10 * SECOND
    expect(nextStep(skip, T, ledSince, ledSince)).toEqual({ kind: 'pass', since: T + 9 * SECOND, missed: 9 })
    expect(nextStep(skip, T + 9 * SECOND, ledSince, ledSince)).toEqual({ kind: 'send', due: ledSince, missed: 0 })
  })

  it('passes a gap of years at once, and counts no more than it needs to', () => {
    const until = Date.UTC(2050, 0, 1)
    const step = nextStep(timed(), T, until, until)
    expect(step).toEqual({ kind: 'send', due: until, missed: 1_000 })
  })

  it('sends each with its own delay, without starving those whose delays overlap', () => {
    const jittered = timed({ jitter: 2_000, delay: () => 1_900 })
    const sent: number[] = []
    let since = T
    for (let now = T; now < T + 60 * SECOND; now += 100) {
      const step = nextStep(jittered, since, now, T)
      if (step.kind !== 'send') continue
      sent.push(step.due)
      since = step.due
    }
    expect(sent).toEqual(Array.from({ length: 58 }, (_, index) => T + (index + 1) * SECOND))
  })
})
