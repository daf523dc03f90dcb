import { expect, it } from 'vitest'
import { queueNames, runningTasks } from '../../../src/cli/top/census.ts'
import type { Json } from '../../../src/runtime/json.ts'

it('takes running tasks from the replies of workers, and nothing from what is none', () => {
  const replies = new Map<string, Json>([
    ['python@a', [{ id: 't1', name: 'add', args: '(1,)', kwargs: '{}', time_start: 5.5 }]],
    ['twq@a', [{ id: 't2', name: 'mul', args: [1, 2n], kwargs: null, time_start: null }, { id: 3 }, 'x']],
    ['old@a', { error: 'no' }],
  ])
  const common = { type: 'task-started', clock: 0, local_received: 9 }
  expect(runningTasks(replies, 9)).toEqual([
    { ...common, hostname: 'python@a', uuid: 't1', timestamp: 5.5, name: 'add', args: '(1,)', kwargs: '{}' },
    { ...common, hostname: 'twq@a', uuid: 't2', timestamp: 9, name: 'mul', args: '[1,"2"]', kwargs: null },
  ])
})

it('takes queues from the replies of workers', () => {
  const replies = new Map<string, Json>([
    ['a', [{ name: 'celery' }, { name: 5 }, null]],
    ['b', 'no'],
  ])
  expect(queueNames(replies)).toEqual(['celery'])
})
