import { expect, it } from 'vitest'
import { highest, type Received } from '../../../src/schedules/state/inbox.ts'
import { ScheduleState } from '../../../src/schedules/state/state.ts'

function aState(version: number): Received {
  const state = new ScheduleState()
  state.version = version
  return { kind: 'state', state, delivery: {} as never }
}

it('goes on from the state of the highest version', () => {
  expect(highest([aState(3), aState(7), aState(5)]).version).toBe(7)
  expect(highest([]).version).toBe(0)
})

it('counts anew from a version that is too high to be counted on', () => {
  expect(highest([aState(3), aState(8e15)]).version).toBe(0)
})
