import { expect, it } from 'vitest'
import { entryOf } from '../../../src/schedules/entries/entry.ts'
import { setBack } from '../../../src/schedules/state/set-back.ts'
import { type EntryState, ScheduleState } from '../../../src/schedules/state/state.ts'

const T = Date.UTC(2030, 0, 1)
const HOUR = 3_600_000

function aState(fields: Partial<EntryState>): ScheduleState {
  const entry = entryOf('a', { task: 't', every: '10s', overlap: 'skip', overlapTimeout: '5m' })
  const rest = { source: 'set', paused: false, lastRun: undefined, announced: T, superseded: {} } as const
  const state = new ScheduleState()
  state.entries.set('a', { name: 'a', entry, since: T, ...rest, ...fields })
  return state
}

it('sets back what was dealt with, ran and runs by a clock that was ahead', () => {
  const lastRun = { id: 'x', due: T + HOUR, sentAt: T + HOUR }
  const state = aState({ since: T + HOUR, lastRun, running: { id: 'x', until: T + HOUR + 300_000 } })
  expect(setBack(state, T)).toBe(HOUR)
  expect(state.entries.get('a')).toMatchObject({
    since: T,
    lastRun: undefined,
    running: { id: 'x', until: T + 300_000 },
  })
  expect(setBack(state, T)).toBe(0)
})

it('leaves what is ahead by no more than clocks may differ', () => {
  const state = aState({ since: T + 60_000 })
  const before = state.entries.get('a')
  expect(setBack(state, T)).toBe(0)
  expect(state.entries.get('a')).toBe(before)
})
