import { describe, expect, it } from 'vitest'
import { entryOf } from '../../../src/schedules/entries/entry.ts'
import { decodeState, type EntryState, encodeState, ScheduleState } from '../../../src/schedules/state/state.ts'

const T = Date.UTC(2030, 0, 1)

function anEntry(name: string, fields: Partial<EntryState> = {}): EntryState {
  const entry = entryOf(name, { task: 'reports.nightly', args: [1, 'two'], cron: '0 3 * * *', tz: 'Europe/Berlin' })
  const rest = { source: 'set', since: T, paused: false, lastRun: undefined, announced: T, superseded: {} } as const
  return { name, entry, ...rest, ...fields }
}

function aState(...entries: readonly EntryState[]): ScheduleState {
  const state = new ScheduleState()
  state.version = 7
  for (const entry of entries) state.entries.set(entry.name, entry)
  return state
}

describe('a state of schedules', () => {
  it('is the same after a way over the wire', () => {
    const lastRun = { id: 'x', due: T, sentAt: T + 5 }
    const running = { id: 'x', until: T + 9 }
    const state = aState(anEntry('a', { lastRun, running, superseded: { abc: T } }), anEntry('b', { paused: true }))
    state.noteApplied('command')
    const read = decodeState(encodeState(state))
    expect(read.version).toBe(7)
    expect(read.applied).toEqual(['command'])
    expect([...read.entries.values()]).toEqual([...state.entries.values()])
  })

  it('has less than a megabyte with a thousand entries that were set', () => {
    const state = aState(...Array.from({ length: 1_000 }, (_, index) => anEntry(`entry-${index}`)))
    expect(encodeState(state).length).toBeLessThan(1_000_000)
  })

  it('keeps the ids of so many commands, and no more', () => {
    const state = new ScheduleState()
    for (let id = 0; id < 1_000; id += 1) state.noteApplied(String(id))
    expect(state.applied).toHaveLength(200)
    expect(state.applied.at(-1)).toBe('999')
  })

  const good = JSON.parse(new TextDecoder().decode(encodeState(aState(anEntry('a')))))
  it.each<[string, unknown]>([
    ['no object', []],
    ['another format', { ...good, format: 2 }],
    ['a version that is no number', { ...good, version: '1' }],
    ['a version beyond what is counted', { ...good, version: 1e300 }],
    ['more commands than are kept', { ...good, applied: Array(201).fill('x') }],
    ['entries that are no list', { ...good, entries: {} }],
    ['an entry that is no object', { ...good, entries: [null] }],
    ['an entry without a name', { ...good, entries: [{ ...good.entries[0], name: '' }] }],
    ['an entry with a name that steers a terminal', { ...good, entries: [{ ...good.entries[0], name: '\u001b[2J' }] }],
    ['a moment that is none', { ...good, entries: [{ ...good.entries[0], since: -1 }] }],
    ['an entry whose pattern is none', { ...good, entries: [{ ...good.entries[0], entry: { task: 'a', cron: 'x' } }] }],
    [
      'an entry that can not be sent',
      { ...good, entries: [{ ...good.entries[0], entry: { task: 'a', every: 1000, priority: 999 } }] },
    ],
  ])('with %s is read as none', (_what, value) => {
    expect(() => decodeState(Buffer.from(JSON.stringify(value)))).toThrow()
  })
})
