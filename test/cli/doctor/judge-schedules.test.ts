import { describe, expect, it } from 'vitest'
import { judgeSchedules } from '../../../src/cli/doctor/judge-schedules.ts'
import { TwqError } from '../../../src/errors.ts'
import type { ScheduleView } from '../../../src/schedules/state/command.ts'

function anEntry(name: string, task: string, state: ScheduleView['state'] = 'active'): ScheduleView {
  const rest = { definition: {}, source: 'config', next: undefined, running: undefined, lastRun: undefined } as const
  return { name, task, state, ...rest }
}

function facts(entries: readonly ScheduleView[], aheadBy = 0) {
  return { list: { leader: 'w@here', now: '2030-01-01T00:00:00.000Z', entries }, aheadBy }
}

const warnings = (...args: Parameters<typeof judgeSchedules>) =>
  judgeSchedules(...args).flatMap(({ status, what }) => (status === 'warning' ? [what] : []))

describe('the schedules', () => {
  it('are well where one leads, and all tasks are there', () => {
    expect(judgeSchedules(facts([anEntry('a', 'add')]), ['add'])).toEqual([
      { check: 'schedules', status: 'ok', what: '1, led by w@here', why: undefined },
    ])
  })

  it('are not sent where nobody leads', () => {
    expect(warnings(undefined, [])).toEqual(['no worker leads them'])
  })

  it('are not sent while the node of their queue is away', () => {
    const down = new TwqError('TWQ_QUEUE_DOWN', 'a node of the broker is away', { hint: 'It is back with that node' })
    expect(judgeSchedules(down, [])).toMatchObject([
      { status: 'error', what: 'their queue is down: a node of the broker is away', fix: 'It is back with that node' },
    ])
  })

  it('whose tasks no worker has are named, unless it is not known what workers have', () => {
    expect(warnings(facts([anEntry('a', 'add'), anEntry('b', 'gone')]), ['add'])).toEqual([
      'no worker that runs has the tasks of b (gone)',
    ])
    expect(warnings(facts([anEntry('b', 'gone')]), undefined)).toEqual([])
  })

  it('that are suspended are named', () => {
    expect(warnings(facts([anEntry('a', 'add', 'suspended')]), ['add'])).toEqual([
      'no worker has a (add) in its configuration any more',
    ])
  })

  it.each([
    [1_500, "the clock of w@here is 2 s ahead of this machine's"],
    [-60_000, "the clock of w@here is 60 s behind this machine's"],
  ])('by a clock that is %i ms ahead come early or late', (aheadBy, what) => {
    expect(warnings(facts([], aheadBy), [])).toEqual([what])
  })
})
