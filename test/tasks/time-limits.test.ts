import { describe, expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { effectiveLimits, type TimeLimitSetting } from '../../src/tasks/time-limits.ts'
import { aTaskMessage } from '../support/a-task-message.ts'

const NONE = { soft: undefined, hard: undefined }

describe('the limits of an attempt', () => {
  it.each([
    ['nothing says anything', {}, undefined, {}, undefined],
    ['only the configuration', {}, undefined, { hard: 60_000 }, { hard: 60_000, soft: undefined }],
    ['the task before the configuration', {}, { hard: '30s' }, { hard: 60_000 }, { hard: 30_000, soft: undefined }],
    ['the message before the task', { hard: 5_000 }, { hard: '30s' }, {}, { hard: 5_000, soft: undefined }],
    ['each limit from its own place', { soft: 1_000 }, { hard: '30s' }, { soft: 9 }, { soft: 1_000, hard: 30_000 }],
    ['a soft limit after the hard one', { hard: 5_000 }, { soft: '10s' }, {}, { hard: 5_000, soft: undefined }],
    ['a soft limit at the hard one', { hard: 5_000, soft: 5_000 }, undefined, {}, { hard: 5_000, soft: undefined }],
    ['only a soft limit', {}, { soft: 1_500 }, {}, { hard: undefined, soft: 1_500 }],
  ] as const)('%s', (_case, message, task: TimeLimitSetting | undefined, defaults, expected) => {
    const limited = aTaskMessage({ timeLimit: { ...NONE, ...message } })
    expect(effectiveLimits(limited, task, { ...NONE, ...defaults })).toEqual(expected)
  })
})

describe('the time limit of a task', () => {
  const define = (timeLimit: unknown) => () =>
    defineTask({ name: 'job', timeLimit: timeLimit as TimeLimitSetting, run: () => null })

  it.each([[{ soft: '50s', hard: '60s' }], [{ hard: 1_500 }], [{ soft: 1_500 }], [{}]])('may be %j', (timeLimit) => {
    expect(define(timeLimit)).not.toThrow()
  })

  it.each([
    [60, "task 'job': timeLimit must be an object like { soft: '50s', hard: '60s' }, got 60"],
    [{ limit: 60 }, "task 'job': timeLimit.limit is unknown; there are soft and hard"],
    [
      { hard: 'soon' },
      "task 'job': timeLimit.hard must be milliseconds or a duration like '30s', more than 0, got \"soon\"",
    ],
    [{ soft: 0 }, "task 'job': timeLimit.soft must be milliseconds or a duration like '30s', more than 0, got 0"],
    [{ soft: '1m', hard: '60s' }, 'task \'job\': timeLimit.soft must come before .hard, got "1m" and "60s"'],
  ])('can not be %j', (timeLimit, message) => {
    expect(define(timeLimit)).toThrow(message)
  })
})
