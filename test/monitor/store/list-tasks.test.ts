import { describe, expect, it } from 'vitest'
import { listTasks, type TaskQuery } from '../../../src/monitor/store/list-tasks.ts'
import { MonitorStore } from '../../../src/monitor/store/monitor-store.ts'
import type { CeleryEvent } from '../../../src/protocol/remote/read-event.ts'

const NOW = 1_700_000_000

/** Ten tasks, `t9` heard of last. */
function aStore(): MonitorStore {
  const store = new MonitorStore(NOW)
  for (let number = 0; number < 10; number++) {
    const base = { uuid: `t${number}`, hostname: number < 5 ? 'w1' : 'w2', clock: 1, local_received: NOW }
    const name = number % 2 === 0 ? 'emails.send' : 'reports.make'
    const received = { type: 'task-received', name, args: `('Order ${number}',)`, kwargs: '{}' }
    store.apply({ ...base, ...received, timestamp: NOW + number } as CeleryEvent)
    const ended = number < 3 ? { type: 'task-failed', exception: `KeyError(${number})` } : { type: 'task-succeeded' }
    store.apply({ ...base, ...ended, timestamp: NOW + number } as CeleryEvent)
  }
  return store
}

function found(query: Partial<TaskQuery>, hide = () => [] as never[]): string[] {
  return listTasks(aStore(), { limit: 50, ...query }, hide, NOW).tasks.map(({ id }) => id)
}

describe('the list of tasks', () => {
  it.each([
    [{}, ['t9', 't8', 't7', 't6', 't5', 't4', 't3', 't2', 't1', 't0']],
    [{ state: 'FAILURE' }, ['t2', 't1', 't0']],
    [{ name: 'emails.*', worker: 'w2' }, ['t8', 't6']],
    [{ name: 'emails.send', state: 'FAILURE' }, ['t2', 't0']],
    [{ text: 'order 7' }, ['t7']],
    [{ text: 'KEYERROR(1' }, ['t1']],
    [{ text: 't4' }, ['t4']],
    [{ since: NOW + 8 }, ['t9', 't8']],
    [{ since: NOW + 2, until: NOW + 4 }, ['t3', 't2']],
    [{ limit: 2 }, ['t9', 't8']],
    [{ name: 'none' }, []],
  ] as [Partial<TaskQuery>, string[]][])('with %j has %j', (query, expected) => {
    expect(found(query)).toEqual(expected)
  })

  it('goes on where the page before ended, also when newer tasks have come', () => {
    const store = aStore()
    const first = listTasks(store, { limit: 4 }, () => [], NOW)
    store.apply({
      type: 'task-received',
      uuid: 'new',
      hostname: 'w1',
      timestamp: NOW + 99,
      clock: 1,
      local_received: NOW,
    })
    const second = listTasks(store, { limit: 4, before: first.next }, () => [], NOW)
    const third = listTasks(store, { limit: 4, before: second.next }, () => [], NOW)
    const pages = [first, second, third].map(({ tasks }) => tasks.map(({ id }) => id))
    expect(pages).toEqual([
      ['t9', 't8', 't7', 't6'],
      ['t5', 't4', 't3', 't2'],
      ['t1', 't0'],
    ])
    expect(third.next).toBeUndefined()
    expect([first.matching, second.matching]).toEqual([10, 11])
  })

  it.each(['', '~', 'x~y', '~'.repeat(300), '1e999~t1'])('is empty, or begins anew, with the page %j', (before) => {
    expect(() => found({ before })).not.toThrow()
  })

  it('can not be searched for what is hidden', () => {
    const hide = () => ['args', 'errors'] as never[]
    expect(found({ text: 'order 7' }, hide)).toEqual([])
    expect(found({ text: 'keyerror' }, hide)).toEqual([])
    expect(found({ text: 't7' }, hide)).toEqual(['t7'])
  })
})
