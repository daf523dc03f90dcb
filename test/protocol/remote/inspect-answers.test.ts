import { describe, expect, it } from 'vitest'
import {
  clockIn,
  errorIn,
  foundIn,
  inCamelCase,
  okIn,
  queuesIn,
  registeredIn,
  scheduledIn,
  statisticsIn,
  tasksIn,
  textsIn,
} from '../../../src/protocol/remote/inspect-answers.ts'
import type { Json } from '../../../src/runtime/json.ts'

// As Celery 5.2.6 has it.
const REQUEST = {
  id: 'active-1',
  name: 'proj.late',
  args: [6],
  kwargs: {},
  type: 'proj.late',
  hostname: 'w1@host1',
  time_start: 1_795_355_521.2,
  acknowledged: false,
  delivery_info: { exchange: '', routing_key: 'celery', priority: 0, redelivered: null },
  worker_pid: 20_002,
}

const TASK = {
  id: 'active-1',
  name: 'proj.late',
  type: 'proj.late',
  args: [6],
  kwargs: {},
  startedAt: new Date(1_795_355_521_200),
  acknowledged: false,
  exchange: '',
  routingKey: 'celery',
  priority: 0,
  redelivered: false,
  workerPid: 20_002,
}

describe('the answers of workers', () => {
  it('list tasks', () => {
    expect(tasksIn([REQUEST])).toEqual([TASK])
    expect(scheduledIn([{ eta: '2026-11-22T13:54:24.024298+00:00', priority: 6, request: REQUEST }])).toEqual([
      { ...TASK, eta: new Date('2026-11-22T13:54:24.024Z') },
    ])
    expect(foundIn({ 'active-1': ['active', REQUEST], other: ['gone', REQUEST] })).toEqual(
      new Map([['active-1', { state: 'active', task: TASK }]]),
    )
  })

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['mul', 'mul', {}],
    ['add [rate_limit=10/s]', 'add', { rate_limit: '10/s' }],
    [
      'add [exchange=a b routing_key=c ignore_result=True]',
      'add',
      { exchange: 'a b', routing_key: 'c', ignore_result: 'True' },
    ],
    ['odd [', 'odd', {}],
    ['add [doc=one\ntwo\u2028three name=add\n]', 'add', { doc: 'one\ntwo\u2028three', name: 'add\n' }],
  ])('name tasks: %s', (line, name, attributes) => {
    const [task] = registeredIn([line])
    expect({ ...task, attributes: { ...task?.attributes } }).toEqual({ name, attributes })
  })

  it('of a start that is no date leave it out', () => {
    for (const time_start of [1e300, Number.NaN, Number.NEGATIVE_INFINITY]) {
      expect(tasksIn([{ ...REQUEST, time_start }])).toEqual([{ ...TASK, startedAt: undefined }])
    }
  })

  it('with a word or a gap of a million characters are read like short ones', () => {
    const [task] = registeredIn([`odd [${'a'.repeat(1_000_000)}]`])
    expect({ ...task?.attributes }).toEqual({})
    expect(Object.keys(inCamelCase({ [`a${'_'.repeat(1_000_000)}`]: 1 }))[0]).toHaveLength(1_000_001)
  })

  it('count', () => {
    const stats = statisticsIn({
      ...{ total: { add: 3, odd: 'x' }, pid: 7, clock: '12', uptime: 60, prefetch_count: 4 },
      pool: { implementation: 'twq:async', 'max-concurrency': 10, processes: [7] },
      broker: { hostname: 'h', virtual_host: '/' },
      rusage: { utime: 1.5 },
      autoscaler: { max: 4, min: 1, current: 2, qty: 0 },
    })
    expect(stats).toMatchObject({
      ...{ pid: 7, clock: 12, uptime: 60, prefetchCount: 4, total: new Map([['add', 3]]) },
      pool: { implementation: 'twq:async', maxConcurrency: 10, processes: [7] },
      broker: { hostname: 'h', virtualHost: '/' },
      rusage: { utime: 1.5 },
      autoscaler: { max: 4, min: 1, current: 2 },
    })
  })

  it('have their own names in camelCase, and what is in them as it is', () => {
    const conf = { task_acks_late: true, CELERY_OLD: 1, beat_schedule: { my_entry: {} }, __proto__: null }
    expect({ ...inCamelCase(conf) }).toEqual({ taskAcksLate: true, celeryOld: 1, beatSchedule: { my_entry: {} } })
  })

  it('may be errors', () => {
    expect(errorIn({ error: 'no such command' })).toBe('no such command')
    expect(errorIn({ error: { why: 2n ** 64n } })).toBe('{"why":18446744073709551616}')
    expect(errorIn({ ok: 'pong' })).toBeUndefined()
  })

  it.each<Json>([null, 5, 'text', [null, 5, 'a', [], {}], { __proto__: 1, a: [] }, new Date(0), new Uint8Array(2)])(
    'of another shape, %j, lead none of their readers astray',
    (odd) => {
      for (const read of [tasksIn, scheduledIn, foundIn, registeredIn, queuesIn, statisticsIn, textsIn, inCamelCase])
        expect(() => read(odd)).not.toThrow()
      expect([okIn(odd), clockIn(odd)]).toEqual([undefined, undefined])
    },
  )
})
