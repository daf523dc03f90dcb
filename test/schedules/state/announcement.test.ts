import { describe, expect, it } from 'vitest'
import { entryOf } from '../../../src/schedules/entries/entry.ts'
import type { Schedule } from '../../../src/schedules/entries/schedule.ts'
import {
  decodeAnnouncement,
  dropForgotten,
  encodeAnnouncement,
  isSuspended,
  lastAnnounced,
  merge,
  SILENCE,
} from '../../../src/schedules/state/announcement.ts'
import { encodeState, ScheduleState } from '../../../src/schedules/state/state.ts'

const T = Date.UTC(2030, 0, 1)
const MINUTE = 60_000
const OLD: Schedule = { task: 'old', every: '1m' }
const NEW: Schedule = { task: 'new', every: '1m' }

const facts = { now: T, ledSince: T, largest: Number.POSITIVE_INFINITY }

function announce(state: ScheduleState, schedules: Readonly<Record<string, Schedule>>, now: number, ledSince = T) {
  const entries = new Map(Object.entries(schedules).map(([name, schedule]) => [name, entryOf(name, schedule)]))
  return merge(state, decodeAnnouncement(encodeAnnouncement('w', entries)), { ...facts, now, ledSince })
}

const taskOf = (state: ScheduleState, name: string) => state.entries.get(name)?.entry.task

describe('announcements', () => {
  it('bring entries that are due from now on', () => {
    const state = new ScheduleState()
    expect(announce(state, { a: OLD }, T)).toEqual({ changed: ['a'], refused: [] })
    expect(state.entries.get('a')).toMatchObject({ source: 'config', since: T, announced: T, paused: false })
    expect(announce(state, { a: OLD }, T + MINUTE)).toEqual({ changed: [], refused: [] })
    expect(state.entries.get('a')).toMatchObject({ since: T, announced: T + MINUTE })
  })

  it('have a new definition win, and the old one not again while the new one is announced', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD }, T)
    announce(state, { a: NEW }, T + 1)
    for (let minute = 1; minute < 60; minute += 1) {
      announce(state, { a: OLD }, T + minute * MINUTE)
      announce(state, { a: NEW }, T + minute * MINUTE + 1)
      expect(taskOf(state, 'a')).toBe('new')
    }
    announce(state, { a: OLD }, T + 60 * MINUTE + SILENCE)
    expect(taskOf(state, 'a')).toBe('old')
  })

  it('on a broker for development have the last one win, also one that was superseded', () => {
    const state = new ScheduleState()
    const entries = (schedule: Schedule) => encodeAnnouncement('w', new Map([['a', entryOf('a', schedule)]]))
    for (const schedule of [OLD, NEW, OLD]) {
      merge(state, decodeAnnouncement(entries(schedule)), { ...facts, lastWins: true })
    }
    expect(taskOf(state, 'a')).toBe('old')
  })

  it('keep how far an entry is where its times are the same, and whether it is paused', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD }, T)
    state.change('a', { since: T + MINUTE, paused: true })
    announce(state, { a: NEW }, T + 2 * MINUTE)
    expect(state.entries.get('a')).toMatchObject({ since: T + MINUTE, paused: true })
    announce(state, { a: { ...NEW, every: '2m' } }, T + 3 * MINUTE)
    expect(state.entries.get('a')).toMatchObject({ since: T + 3 * MINUTE, paused: true })
  })

  it('suspend what is not announced any more while other entries are, and drop it after a day', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD, b: OLD }, T)
    announce(state, { b: OLD }, T + SILENCE)
    const suspended = () => [...state.entries.values()].filter((one) => isSuspended(one, lastAnnounced(state), T))
    expect(suspended()).toEqual([])
    announce(state, { b: OLD }, T + SILENCE + 1)
    expect(suspended().map(({ name }) => name)).toEqual(['a'])
    announce(state, { b: OLD }, T + 86_400_001)
    expect(dropForgotten(state, T)).toEqual(['a'])
  })

  it('have an entry that comes back after that be due from then on', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD, b: OLD }, T)
    announce(state, { b: OLD }, T + 2 * SILENCE)
    announce(state, { a: OLD }, T + 2 * SILENCE + 1)
    expect(state.entries.get('a')).toMatchObject({ since: T + 2 * SILENCE + 1 })
  })

  it('leave the entries of workers that have yet to announce theirs their time after all were away', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD, b: OLD }, T)
    const later = T + 3_600_000
    announce(state, { b: OLD }, later, later)
    expect(isSuspended(state.entries.get('a')!, lastAnnounced(state), later)).toBe(false)
    announce(state, { a: OLD }, later + MINUTE, later)
    expect(state.entries.get('a')).toMatchObject({ since: T })
  })

  it('drop no entry of workers that have yet to announce theirs after all were away for days', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD, b: OLD }, T)
    state.change('a', { paused: true })
    const later = T + 3 * 86_400_000
    announce(state, { b: OLD }, later, later)
    expect(dropForgotten(state, later)).toEqual([])
    announce(state, { a: OLD }, later + MINUTE, later)
    expect(state.entries.get('a')).toMatchObject({ since: T, paused: true })
    announce(state, { b: OLD }, later + MINUTE + SILENCE + 1, later)
    expect(dropForgotten(state, later)).toEqual([])
  })

  it('suspend nothing where the clock of the leader before was ahead', () => {
    const state = new ScheduleState()
    announce(state, { a: OLD, b: OLD }, T + 3_600_000, T + 3_600_000)
    const suspended = () =>
      [...state.entries.values()].filter((one) => isSuspended(one, lastAnnounced(state), T)).map(({ name }) => name)
    announce(state, { b: OLD }, T)
    expect(suspended()).toEqual([])
    announce(state, { b: OLD }, T + SILENCE + 1)
    expect(suspended()).toEqual(['a'])
  })

  it('with an entry that can not be used refuse that one, with the reason', () => {
    const state = new ScheduleState()
    const body = JSON.stringify({
      worker: 'w',
      entries: [['a', 'x', { task: 'a' }], ['b', 'y', { task: 'b', every: 1_000 }], [1], 'z'],
    })
    const { changed, refused } = merge(state, decodeAnnouncement(Buffer.from(body)), facts)
    expect(changed).toEqual(['b'])
    expect(refused).toEqual([{ name: 'a', reason: expect.stringMatching(/must say when/) }])
  })

  it.each(['[]', '{}', '{"worker":1,"entries":[]}', '{"worker":"w","entries":{}}', 'x', ''])('are none: %s', (body) => {
    expect(() => decodeAnnouncement(Buffer.from(body))).toThrow(
      expect.objectContaining({ code: 'TWQ_MESSAGE_MALFORMED' }),
    )
  })

  it('are taken as far as there is room', () => {
    const state = new ScheduleState()
    const large = { task: 'a', every: '1m', args: ['x'.repeat(200_000)] }
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`e${index}`, large]))
    const { changed, refused } = announce(state, many, T)
    expect(changed.length).toBeGreaterThan(30)
    expect(changed.length + refused.length).toBe(60)
    expect(refused[0]?.reason).toMatch(/too many entries, or they are too large/)
  })

  it('are taken as far as the broker takes a state of them, once their runs are noted, too', () => {
    const state = new ScheduleState()
    const entries = new Map(Array.from({ length: 500 }, (_, index) => [`e${index}`, entryOf(`e${index}`, OLD)]))
    const announcement = decodeAnnouncement(encodeAnnouncement('w', entries))
    const { refused } = merge(state, announcement, { ...facts, largest: 100_000 })
    expect(refused.length).toBeGreaterThan(0)
    const id = '5b0f4c0e-6d3a-4f7e-9a51-c2d1e8b7a630'
    for (const name of state.entries.keys()) {
      state.change(name, { lastRun: { id, due: T, sentAt: T }, running: { id, until: T } })
    }
    for (let count = 0; count < 200; count += 1) state.noteApplied(id)
    const size = encodeState(state).length
    expect(size).toBeGreaterThan(50_000)
    expect(size).toBeLessThanOrEqual(100_000)
  })
})
