import { describe, expect, it } from 'vitest'
import { ClusterState } from '../../src/events/cluster-state.ts'
import { isAlive } from '../../src/events/worker-state.ts'
import type { CeleryEvent } from '../../src/protocol/remote/read-event.ts'

let moment = 1_000

/** An event that arrives a second after the last one. */
function event(type: string, fields: Partial<CeleryEvent> = {}): CeleryEvent {
  moment += 1
  return { type, hostname: 'w1@host1', timestamp: moment, clock: moment, local_received: moment, ...fields }
}

const task = (subject: string, fields: Partial<CeleryEvent> = {}): CeleryEvent =>
  event(`task-${subject}`, { uuid: 't1', ...fields })

function stateAfter(...events: readonly CeleryEvent[]): ClusterState {
  const state = new ClusterState()
  for (const each of events) state.apply(each)
  return state
}

describe('the state of a task', () => {
  it.each([
    ['sent', 'PENDING'],
    ['sent received', 'RECEIVED'],
    ['received started', 'STARTED'],
    ['received started succeeded', 'SUCCESS'],
    ['received started failed', 'FAILURE'],
    ['received started retried', 'RETRY'],
    ['received started retried received', 'RECEIVED'],
    ['received started retried received started succeeded', 'SUCCESS'],
    ['received revoked', 'REVOKED'],
    ['rejected', 'REJECTED'],
    // A rejection counts as earlier than the start, in Celery as well.
    ['received started rejected', 'STARTED'],
    // Out of order.
    ['received sent', 'RECEIVED'],
    ['started received', 'STARTED'],
    ['succeeded started received', 'SUCCESS'],
    ['failed started', 'FAILURE'],
    ['failed succeeded', 'SUCCESS'],
    ['succeeded failed', 'SUCCESS'],
    ['revoked started', 'REVOKED'],
    ['succeeded retried', 'RETRY'],
    // Custom ones.
    ['started half-done', 'HALF-DONE'],
    ['half-done started', 'HALF-DONE'],
    ['half-done succeeded', 'SUCCESS'],
    ['received cancelled', 'CANCELLED'],
  ])('after %s is %s', (subjects, expected) => {
    const state = stateAfter(...subjects.split(' ').map((subject) => task(subject)))
    expect(state.tasks.get('t1')?.state).toBe(expected)
  })

  it('has the name of a task that is not registered from the exception, unless an event told it', () => {
    const failed = task('failed', { exception: "NotRegistered('emails.sent')" })
    expect(stateAfter(failed).tasks.get('t1')?.name).toBe('emails.sent')
    expect(stateAfter(task('sent', { name: 'emails.send' }), failed).tasks.get('t1')?.name).toBe('emails.send')
    expect(stateAfter(failed, task('received', { name: 'emails.send' })).tasks.get('t1')?.name).toBe('emails.send')
    expect(stateAfter(task('failed', { exception: "KeyError('x')" })).tasks.get('t1')?.name).toBeUndefined()
  })

  it('holds what its events said, and when', () => {
    const sent = task('sent', { hostname: 'gen1@host1', queue: 'q', name: 'add' })
    const received = task('received', {
      name: 'add',
      args: '(1, 2)',
      kwargs: '{}',
      retries: 0,
      root_id: 't1',
      eta: null,
    })
    const started = task('started')
    const succeeded = task('succeeded', { result: '3', runtime: 0.5 })
    const { tasks } = stateAfter(sent, received, started, succeeded)
    expect(tasks.get('t1')).toEqual({
      uuid: 't1',
      state: 'SUCCESS',
      timestamp: succeeded.timestamp,
      clock: succeeded.clock,
      worker: 'w1@host1',
      client: 'gen1@host1',
      ...{ name: 'add', args: '(1, 2)', kwargs: '{}', retries: 0, rootId: 't1', queue: 'q' },
      ...{ result: '3', runtime: 0.5 },
      ...{ sent: sent.timestamp, received: received.timestamp },
      ...{ started: started.timestamp, succeeded: succeeded.timestamp },
    })
  })

  it('learns from a late task-received what the task is, and keeps the rest', () => {
    const succeeded = task('succeeded', { result: '3' })
    const { tasks } = stateAfter(succeeded, task('received', { name: 'add', args: '()', result: 'no', timestamp: 1 }))
    expect(tasks.get('t1')).toMatchObject({ state: 'SUCCESS', name: 'add', args: '()', result: '3', received: 1 })
    expect(tasks.get('t1')?.timestamp).toBe(succeeded.timestamp)
  })

  it('takes no field of another type', () => {
    const { tasks } = stateAfter(
      task('received', { name: 5, args: [1], retries: 'x', runtime: Number.NaN, state: 'X' }),
    )
    expect(tasks.get('t1')).toMatchObject({ state: 'RECEIVED' })
    for (const field of ['name', 'args', 'retries', 'runtime']) expect(tasks.get('t1')).not.toHaveProperty(field)
  })

  it('is forgotten when too many others were heard of since', () => {
    const state = new ClusterState({ tasks: 2 })
    for (const uuid of ['a', 'b', 'a', 'c']) state.apply(task('started', { uuid }))
    expect([...state.tasks.keys()]).toEqual(['a', 'c'])
  })
})

describe('a worker', () => {
  const beat = { freq: 2, active: 1, processed: 7, loadavg: [1, 2, 3], sw_ident: 'twq', sw_ver: '1', sw_sys: 'Linux' }
  const worker = (state: ClusterState) => state.workers.get('w1@host1')

  it('is what it said last', () => {
    const online = event('worker-online', { ...beat, pid: 9 })
    const last = event('worker-heartbeat', { freq: 5, sw_ident: 'twq' })
    const { sw_ident: swIdent, sw_ver: swVer, sw_sys: swSys, ...same } = beat
    expect(worker(stateAfter(online, last))).toEqual({
      ...same,
      ...{ swIdent, swVer, swSys },
      hostname: 'w1@host1',
      pid: 9,
      freq: 5,
      lastHeard: last.local_received,
    })
  })

  it('is alive for twice as long as it said it would be silent', () => {
    const state = stateAfter(event('worker-heartbeat', { ...beat, local_received: 100 }))
    const alive = (now: number) => isAlive(worker(state) as never, now)
    expect([alive(100), alive(103.9), alive(104)]).toEqual([true, true, false])
  })

  it('is not alive for longer because the clock of the reader was set back', () => {
    const state = stateAfter(
      event('worker-heartbeat', { freq: 2, local_received: 90_000 }),
      event('worker-heartbeat', { freq: 2, local_received: 100 }),
    )
    const alive = (now: number) => isAlive(worker(state) as never, now)
    expect([alive(103.9), alive(104)]).toEqual([true, false])
  })

  it('is heard of by its tasks too', () => {
    const state = stateAfter(
      event('worker-heartbeat', { ...beat, local_received: 100 }),
      task('started', { local_received: 103 }),
    )
    expect(worker(state)).toMatchObject({ lastHeard: 103, active: 1 })
    expect(worker(stateAfter(task('started')))).toMatchObject({ freq: 60, active: undefined })
  })

  it('that left is not alive until it is heard again', () => {
    const state = stateAfter(event('worker-online', beat), event('worker-offline', { ...beat, processed: 8 }))
    expect(isAlive(worker(state) as never, moment)).toBe(false)
    expect(worker(state)?.processed).toBe(8)
    state.apply(event('worker-online', beat))
    expect(isAlive(worker(state) as never, moment)).toBe(true)
  })

  it('that was never known leaves without a trace, and a client is none', () => {
    expect(stateAfter(event('worker-offline'), task('sent', { hostname: 'gen1@host1' })).workers.size).toBe(0)
  })

  it('takes no field of another type', () => {
    const state = stateAfter(event('worker-online', { freq: -1, active: '1', loadavg: [1, 'x'], sw_ident: 3 }))
    expect(worker(state)).toMatchObject({ freq: 60, active: undefined, loadavg: undefined, swIdent: undefined })
  })

  it('is forgotten when too many others were heard of since', () => {
    const state = new ClusterState({ workers: 2 })
    for (const hostname of ['a', 'b', 'c']) state.apply(event('worker-online', { hostname }))
    expect([...state.workers.keys()]).toEqual(['b', 'c'])
  })
})

it('other groups of events change nothing', () => {
  const { workers, tasks } = stateAfter(event('billing-done'), event('strange'))
  expect([workers.size, tasks.size]).toEqual([0, 0])
})

describe('what is remembered is bounded in bytes', () => {
  it('by forgetting the tasks not heard of for longest, and counting them', () => {
    const state = new ClusterState({ bytes: 1_000_000 })
    for (let index = 0; index < 1_000; index += 1) {
      state.apply(task('failed', { uuid: `t${index}`, exception: 'x'.repeat(5_000) }))
    }
    expect(state.tasks.size).toBeGreaterThan(80)
    expect(state.tasks.size).toBeLessThan(100)
    expect([...state.tasks.keys()].at(-1)).toBe('t999')
    expect(state.forgotten).toBe(1_000 - state.tasks.size)
    expect(state.workers.size).toBe(1)
  })

  it('by forgetting workers in the same way', () => {
    const state = new ClusterState({ bytes: 100_000 })
    for (let index = 0; index < 1_000; index += 1) state.apply(event('worker-online', { hostname: `w${index}@host` }))
    expect(state.workers.size).toBeLessThan(300)
    expect(state.workers.has('w999@host')).toBe(true)
    expect(state.forgotten).toBe(1_000 - state.workers.size)
  })

  it('by cutting texts, and passing over lists that are none of loads', () => {
    const state = stateAfter(
      task('failed', { traceback: 'x'.repeat(1_000_000), loadavg: Array.from({ length: 100_000 }, () => 1) }),
      event('worker-heartbeat', { sw_ver: 'v'.repeat(1_000_000), loadavg: Array.from({ length: 100_000 }, () => 1) }),
      event(`task-${'x'.repeat(1_000_000)}`, { uuid: 't2' }),
    )
    expect(state.tasks.get('t1')?.traceback).toHaveLength(10_001)
    expect(state.tasks.get('t2')?.state).toHaveLength(10_001)
    expect(state.workers.get('w1@host1')).toMatchObject({ swVer: `${'v'.repeat(10_000)}…`, loadavg: undefined })
    expect(state.forgotten).toBe(0)
  })

  it('and does not count as too large what is merely too many', () => {
    const state = new ClusterState({ tasks: 2 })
    for (const uuid of ['a', 'b', 'c']) state.apply(task('started', { uuid }))
    expect([...state.tasks.keys()]).toEqual(['b', 'c'])
    expect(state.forgotten).toBe(0)
  })
})
