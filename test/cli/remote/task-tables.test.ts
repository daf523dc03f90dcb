import { describe, expect, it } from 'vitest'
import { countTasks, emptyText, taskTable } from '../../../src/cli/remote/task-tables.ts'
import type { Json } from '../../../src/runtime/json.ts'

// What Celery 5.2.6 answers (its reply to `inspect active`), beside a worker that had just taken a task.
const active = new Map<string, Json>([
  [
    'w1@host1',
    [
      {
        id: 'active-1',
        name: 'proj.late',
        args: [6],
        kwargs: {},
        type: 'proj.late',
        hostname: 'w1@host1',
        time_start: 1_795_355_521.2,
        acknowledged: false,
        delivery_info: { exchange: '', routing_key: 'celery', priority: 0, redelivered: false },
        worker_pid: 20_002,
      },
    ],
  ],
  ['twq@host2', [{ id: 'b', name: 'add', args: '(1,)', kwargs: "{'y': 2}", time_start: null }]],
])

describe('inspect active', () => {
  it('lists the running tasks, by node', () => {
    expect(taskTable('active', active, 1_795_355_523_200, {}).split('\n')).toEqual([
      'NODE       ID        TASK       ARGUMENTS      ROUTING KEY      RUNNING',
      "twq@host2  b         add        (1,) {'y': 2}               not started",
      'w1@host1   active-1  proj.late  [6]            celery             2.0 s',
      '',
    ])
    expect(countTasks('active', active)).toBe(2)
  })

  it.each([
    [59, '59.0 s'],
    [61, '1 min 1 s'],
    [7_260, '2 h 1 min'],
    [-5, '0.0 s'],
  ])('says of a task that started %i s ago that it runs for %s', (seconds, expected) => {
    const replies = new Map<string, Json>([['n', [{ id: 'a', name: 't', args: [], kwargs: {}, time_start: 1_000 }]]])
    expect(taskTable('active', replies, (1_000 + seconds) * 1_000, {})).toContain(expected)
  })

  it('is not led astray by replies of another shape', () => {
    const odd = new Map<string, Json>([
      ['a', null],
      ['b', ['text', null, 5]],
      ['c', { error: 'no such command' }],
      ['d', [{}]],
    ])
    expect(() => taskTable('active', odd, 0, {})).not.toThrow()
  })
})

describe('inspect reserved', () => {
  it('lists the tasks that wait, with their priorities', () => {
    expect(taskTable('reserved', active, 0, {}).split('\n')).toEqual([
      'NODE       ID        TASK       ARGUMENTS      ROUTING KEY  PRIORITY',
      "twq@host2  b         add        (1,) {'y': 2}",
      'w1@host1   active-1  proj.late  [6]            celery              0',
      '',
    ])
  })
})

describe('inspect scheduled', () => {
  const NOW = Date.parse('2026-11-22T13:54:00Z')
  const scheduled = (...etas: Json[]) => {
    const request = { id: 's', name: 'add', args: [1], kwargs: {}, delivery_info: { routing_key: 'celery' } }
    return new Map<string, Json>([['w@h', etas.map((eta) => ({ eta, priority: 6, request }))]])
  }

  it('lists the tasks that wait for their time, with what they are and when they are due', () => {
    expect(taskTable('scheduled', scheduled('2026-11-22T13:54:24.024298+00:00'), NOW, {}).split('\n')).toEqual([
      'NODE  ID  TASK  ARGUMENTS  ROUTING KEY  ETA                         DUE',
      'w@h   s   add   [1]        celery       2026-11-22T13:54:24Z  in 24.0 s',
      '',
    ])
  })

  it.each<[Json, string]>([
    ['2026-11-22T14:56:30+01:00', '2026-11-22T13:56:30Z  in 2 min 30 s'],
    [new Date('2026-11-22T13:53:00Z'), '2026-11-22T13:53:00Z  now'],
    ['some day', ''],
    [null, ''],
    [7, ''],
  ])('says of %s that it is due %s', (eta, expected) => {
    const [, line = ''] = taskTable('scheduled', scheduled(eta), NOW, {}).split('\n')
    expect(line.split('celery')[1]?.trim().replace(/ {2,}/, '  ')).toBe(expected)
  })
})

it('says of each list what stands where it is empty', () => {
  expect(['active', 'reserved', 'scheduled', 'stats'].map(emptyText)).toEqual([
    'nothing runs',
    'nothing waits',
    'nothing is scheduled',
    undefined,
  ])
})
