import { describe, expect, it } from 'vitest'
import { taskLine } from '../../../src/cli/dev/task-line.ts'
import type { TaskReport } from '../../../src/cli/worker/parent-link.ts'

const error = { type: 'RangeError', module: null, args: ['no good'], traceback: 'RangeError: no good\n    at run\n' }

function aReport(fields: Partial<TaskReport>): TaskReport {
  const outcome = { kind: 'succeeded', result: 5, runtime: 4.04 } as const
  return { kind: 'task', id: 'id', task: 'add', queue: 'celery', args: [2, 3], kwargs: {}, outcome, ...fields }
}

describe('the line of a task', () => {
  it.each<[string, Partial<TaskReport>, string]>([
    ['a result and its time', {}, 'add(2, 3) = 5  4.0 ms'],
    [
      'named arguments after the others',
      { args: ['a'], kwargs: { times: 2n ** 64n } },
      'add("a", times=18446744073709551616) = 5  4.0 ms',
    ],
    [
      'a failure with its trace',
      { outcome: { kind: 'failed', error, runtime: 1234.5 } },
      'add(2, 3) failed: RangeError: no good  1235 ms\n    RangeError: no good\n        at run',
    ],
    [
      'a retry with its time and reason',
      { outcome: { kind: 'retry', at: 0, error } },
      'add(2, 3) will be tried again at 1970-01-01T00:00:00.000Z: RangeError: no good',
    ],
    [
      'a retry without a reason',
      { outcome: { kind: 'retry', at: 0, error: null } },
      'add(2, 3) will be tried again at 1970-01-01T00:00:00.000Z',
    ],
    ['a rejection', { outcome: { kind: 'rejected', requeue: true, error } }, 'add(2, 3) rejected, back to its queue'],
    ['an interruption', { outcome: { kind: 'interrupted' } }, 'add(2, 3) interrupted: back to its queue'],
  ])('shows %s', (_what, fields, line) => {
    expect(taskLine(aReport(fields))).toBe(line)
  })

  it('is short, and can not steer the terminal', () => {
    const long = aReport({ args: ['x'.repeat(1_000)], outcome: { kind: 'succeeded', result: '\u001b[2J', runtime: 1 } })
    expect(taskLine(long, { longest: 20 })).toBe('add("xxxxxxxxxxxxxxxxxxx…) = "\\u001b[2J"  1.0 ms')
    expect(taskLine(aReport({ task: 'a\u001b[2J\nb' }))).toBe('a\\u001b[2J\\nb(2, 3) = 5  4.0 ms')
  })
})
