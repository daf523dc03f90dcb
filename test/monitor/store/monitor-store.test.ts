import { describe, expect, it } from 'vitest'
import { ClusterState } from '../../../src/events/cluster-state.ts'
import { detailOf, treeOf } from '../../../src/monitor/store/describe-task.ts'
import { MonitorStore } from '../../../src/monitor/store/monitor-store.ts'
import type { CeleryEvent } from '../../../src/protocol/remote/read-event.ts'

const NOW = 1_700_000_000
const HIDE_NOTHING = () => []

function event(type: string, uuid: string, fields: object = {}): CeleryEvent {
  return { type, uuid, hostname: 'w1', timestamp: NOW, clock: 1, local_received: NOW, ...fields } as CeleryEvent
}

/** A task from its receipt to its end, at times after `at`. */
function life(uuid: string, end: string, at = NOW, fields: object = {}): CeleryEvent[] {
  const times = { local_received: at, timestamp: at }
  return [
    event('task-received', uuid, { ...times, name: 'add', args: '(1, 2)', kwargs: '{}' }),
    event('task-started', uuid, { ...times, timestamp: at + 1 }),
    event(`task-${end}`, uuid, { ...times, timestamp: at + 3, ...fields }),
  ]
}

describe('the store of the monitor', () => {
  it('counts every event, also of tasks that it has forgotten', () => {
    const store = new MonitorStore(NOW, { tasks: 10 })
    for (let number = 0; number < 1_000; number++) {
      const end = number % 10 === 0 ? 'failed' : 'succeeded'
      for (const one of life(`t${number}`, end, NOW, { runtime: 2 })) store.apply(one)
    }
    expect(store.totals).toEqual({
      ...{ sent: 0, received: 1_000, started: 1_000, succeeded: 900, failed: 100, retried: 0, revoked: 0, rejected: 0 },
    })
    expect(store.tasks.size).toBe(10)
  })

  it('holds what waits to be stored within its bytes, the latest tasks', () => {
    const store = new MonitorStore(NOW, { tasks: 5, bytes: 100_000 })
    store.restore([], [])
    for (let number = 0; number < 100; number++)
      store.apply(event('task-received', `t${number}`, { args: 'x'.repeat(5_000) }))
    const ids = store.takeChanged().map(({ state }) => state.uuid)
    expect([ids.length > 5, ids.length < 10, ids.at(-1)]).toEqual([true, true, 't99'])
    expect([store.hasChanged, store.takeChanged()]).toEqual([false, []])
  })

  it('has the states that ClusterState has, which are those of Celery', () => {
    const store = new MonitorStore(NOW)
    const cluster = new ClusterState()
    const events = [...life('a', 'succeeded'), ...life('b', 'failed'), ...life('c', 'retried'), event('task-sent', 'd')]
    // Out of order, as they may come.
    for (const one of [...events].reverse()) {
      store.apply(one)
      cluster.apply(one)
    }
    expect([...store.tasks]).toEqual([...cluster.tasks])
    expect([...store.workers]).toEqual([...cluster.workers])
  })

  it('tells the attempts of a task, each with how it ended', () => {
    const store = new MonitorStore(NOW)
    for (const one of life('a', 'retried', NOW, { exception: "OSError('busy')" })) store.apply(one)
    for (const one of life('a', 'succeeded', NOW + 10)) store.apply(one)
    const { attempts, timeline, state } = detailOf(store.task('a')!, store, HIDE_NOTHING, NOW)
    expect(state).toBe('SUCCESS')
    expect(attempts).toEqual([
      { number: 1, worker: 'w1', started: NOW + 1, ended: NOW + 3, outcome: 'retried', note: "OSError('busy')" },
      { number: 2, worker: 'w1', started: NOW + 11, ended: NOW + 13, outcome: 'succeeded', note: undefined },
    ])
    expect(timeline.map(({ what }) => what)).toEqual([
      ...['received', 'started', 'retried', 'received', 'started', 'succeeded'],
    ])
  })

  it('keeps the last hundred events of a task, and says how many there were before', () => {
    const store = new MonitorStore(NOW)
    for (let number = 0; number < 250; number++) store.apply(event('task-retried', 'a', { timestamp: NOW + number }))
    const { timeline, omitted } = detailOf(store.task('a')!, store, HIDE_NOTHING, NOW)
    expect([timeline.length, omitted, timeline[0]?.at]).toEqual([100, 150, NOW + 150])
  })

  it('says since when nothing is known of a task, until it is heard of again', () => {
    const store = new MonitorStore(NOW)
    store.apply(event('task-started', 'a'))
    store.lose('a', NOW + 5)
    const unknownSince = () => detailOf(store.task('a')!, store, HIDE_NOTHING, NOW).unknownSince
    expect(unknownSince()).toBe(NOW + 5)
    store.apply(event('task-succeeded', 'a', { timestamp: NOW + 9 }))
    expect(unknownSince()).toBeUndefined()
  })

  it('does not take a task back from its end because a worker still names it', () => {
    const store = new MonitorStore(NOW)
    for (const one of life('a', 'succeeded')) store.apply(one)
    store.recall(event('task-started', 'a', { timestamp: NOW + 20 }))
    expect(store.tasks.get('a')?.state).toBe('SUCCESS')
    store.recall(event('task-started', 'b'))
    expect(store.tasks.get('b')?.state).toBe('STARTED')
    expect(store.totals.started).toBe(1)
  })

  it('says since when the worker of a running task is silent', () => {
    const store = new MonitorStore(NOW)
    store.apply(event('task-started', 'a'))
    store.apply({ ...event('worker-heartbeat', ''), freq: 2 } as CeleryEvent)
    expect(detailOf(store.task('a')!, store, HIDE_NOTHING, NOW + 3).workerLostSince).toBeUndefined()
    expect(detailOf(store.task('a')!, store, HIDE_NOTHING, NOW + 30).workerLostSince).toBe(NOW)
    store.apply({ ...event('worker-offline', ''), local_received: NOW + 4 } as CeleryEvent)
    expect(detailOf(store.task('a')!, store, HIDE_NOTHING, NOW + 5).workerLostSince).toBe(NOW + 4)
  })

  it('shows nothing of what is hidden', () => {
    const store = new MonitorStore(NOW)
    const secret = { exception: 'secret', traceback: 'secret', result: 'secret' }
    for (const one of life('a', 'failed', NOW, secret)) store.apply({ ...one, args: 'secret', kwargs: 'secret' })
    const shown = JSON.stringify(detailOf(store.task('a')!, store, () => ['args', 'results', 'errors'], NOW))
    expect(shown).not.toContain('secret')
    expect(shown).toContain('"hidden":["args","results","errors"]')
  })

  it('finds the tasks of a workflow by their root', () => {
    const store = new MonitorStore(NOW)
    store.apply(event('task-received', 'root', { root_id: 'root', name: 'start' }))
    store.apply(event('task-received', 'child', { root_id: 'root', parent_id: 'root', name: 'next' }))
    store.apply(event('task-received', 'other', { root_id: 'other' }))
    const { rootId, nodes } = treeOf(store.tasks.get('child')!, store)
    expect([rootId, nodes.map(({ id, parentId }) => [id, parentId])]).toEqual([
      'root',
      [
        ['root', undefined],
        ['child', 'root'],
      ],
    ])
  })
})
