import { describe, expect, it } from 'vitest'
import {
  activeTable,
  countTasks,
  failedNodes,
  pingTable,
  repliesAsJson,
} from '../../../src/cli/remote/inspect-report.ts'
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
    expect(activeTable(active, 1_795_355_523_200, {}).split('\n')).toEqual([
      'NODE       ID        TASK       ARGUMENTS          RUNNING',
      "twq@host2  b         add        (1,) {'y': 2}  not started",
      'w1@host1   active-1  proj.late  [6]                  2.0 s',
      '',
    ])
    expect(countTasks(active)).toBe(2)
  })

  it.each([
    [59, '59.0 s'],
    [61, '1 min 1 s'],
    [7_260, '2 h 1 min'],
    [-5, '0.0 s'],
  ])('says of a task that started %i s ago that it runs for %s', (seconds, expected) => {
    const replies = new Map<string, Json>([['n', [{ id: 'a', name: 't', args: [], kwargs: {}, time_start: 1_000 }]]])
    expect(activeTable(replies, (1_000 + seconds) * 1_000, {})).toContain(expected)
  })

  it('prints the very replies for programs', () => {
    expect(JSON.parse(repliesAsJson(active))).toEqual(Object.fromEntries(active))
  })

  it('is not led astray by replies of another shape', () => {
    const odd = new Map<string, Json>([
      ['a', null],
      ['b', ['text', null, 5]],
      ['c', { error: 'no such command' }],
      ['d', [{}]],
    ])
    expect(() => activeTable(odd, 0, {})).not.toThrow()
    expect(failedNodes(odd)).toEqual([['c', 'no such command']])
  })
})

it('answers ping with a line for each node', () => {
  const replies = new Map<string, Json>([
    ['w2@h', { ok: 'pong' }],
    ['w1@h', { error: 'busy\n' }],
  ])
  expect(pingTable(replies, {}).split('\n')).toEqual(['NODE  ANSWER', 'w1@h  {"error": "busy\\n"}', 'w2@h  pong', ''])
})
