import { describe, expect, it } from 'vitest'
import { entryOf } from '../../../src/schedules/entries/entry.ts'
import type { Schedule } from '../../../src/schedules/entries/schedule.ts'
import { DueEntries } from '../../../src/schedules/leader/due-entries.ts'
import { ScheduleState } from '../../../src/schedules/state/state.ts'

const T = Date.UTC(2030, 0, 1)
const seconds = (count: number): number => T + count * 1_000

/** A state in which entries are due each second from T on, and what is due in it. */
function dueEntries(schedules: Readonly<Record<string, Partial<Schedule>>>) {
  const state = new ScheduleState()
  for (const [name, schedule] of Object.entries(schedules)) {
    const entry = entryOf(name, { task: 'tick', every: '1s', ...schedule } as Schedule)
    const rest = { source: 'set', since: T, paused: false, lastRun: undefined, announced: T, superseded: {} } as const
    state.entries.set(name, { name, entry, ...rest })
  }
  const due = new DueEntries(state, 'default', T)
  const take = (second: number): readonly number[] =>
    due.take(seconds(second)).occurrences.map((one) => (one.due - T) / 1_000)
  const dealtWith = (name: string, second: number): number => due.dealtWith({ name, due: seconds(second) })
  const since = (name: string): number => ((state.entries.get(name)?.since ?? 0) - T) / 1_000
  return { state, due, take, dealtWith, since }
}

describe('what is due', () => {
  it('is handed out once, while the broker has yet to confirm it', () => {
    const { take } = dueEntries({ tick: { catchUp: 'all' } })
    expect(take(1)).toEqual([1])
    expect(take(1)).toEqual([])
    expect(take(3)).toEqual([2, 3])
  })

  it('counts as dealt with once it is confirmed, and none before it is under way', () => {
    const { take, dealtWith, since } = dueEntries({ tick: { catchUp: 'all' } })
    take(3)
    dealtWith('tick', 3)
    expect(since('tick')).toBeLessThan(1)
    dealtWith('tick', 1)
    expect(since('tick')).toBeGreaterThanOrEqual(1)
    expect(since('tick')).toBeLessThan(2)
    dealtWith('tick', 2)
    expect(since('tick')).toBe(3)
  })

  it('of one entry waits for no confirm of another', () => {
    const { take } = dueEntries({ slow: {}, other: { every: '2s' } })
    expect(take(1)).toEqual([1])
    expect(take(2)).toEqual([2])
  })

  it("with catchUp: 'last' is the last one, of what passes while another is on its way", () => {
    const { due, take, dealtWith } = dueEntries({ tick: {} })
    expect(take(1)).toEqual([1])
    expect(due.nextAt()).toBe(Number.POSITIVE_INFINITY)
    expect(take(9)).toEqual([])
    expect(dealtWith('tick', 1)).toBe(seconds(2))
    expect(take(9)).toEqual([9])
  })

  it('is at most so many of one entry, and of all, on their way at once', () => {
    const one = dueEntries({ tick: { catchUp: 'all' } })
    expect(one.take(1_000)).toHaveLength(50)
    expect(one.due.nextAt()).toBe(Number.POSITIVE_INFINITY)
    one.dealtWith('tick', 1)
    expect(one.take(1_000)).toEqual([51])
    const names = Array.from({ length: 30 }, (_, index) => [`tick-${index}`, { catchUp: 'all' as const }])
    const many = dueEntries(Object.fromEntries(names))
    many.due.nextAt()
    expect(many.take(1_000)).toHaveLength(1_000)
    expect(many.due.nextAt()).toBe(Number.POSITIVE_INFINITY)
    expect(many.dealtWith('tick-0', 1)).toBe(0)
  })

  it('is not counted twice where an entry was removed while it was on its way', () => {
    const { state, take, dealtWith } = dueEntries({ tick: {} })
    take(1)
    state.entries.delete('tick')
    expect(dealtWith('tick', 1)).toBe(Number.POSITIVE_INFINITY)
    expect(dealtWith('tick', 1)).toBe(Number.POSITIVE_INFINITY)
  })
})
