import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quarantineQueue } from '../../../src/protocol/companion-queues.ts'
import { Ignore, Reject } from '../../../src/tasks/attempt/control-flow.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { AnyTask } from '../../../src/tasks/task.ts'
import { aWorker, type WorkerScene } from '../../support/a-worker.ts'
import { type Program, readyOrClosed } from '../../support/program.ts'
import { startPython } from '../../support/python.ts'
import { PythonCaller } from '../../support/python-caller.ts'
import { queueOnce } from '../../support/raw-broker.ts'
import { brokerUrl } from '../../support/services.ts'
import { Journal } from '../../support/until.ts'

// Every way in which a task ends, with both kinds of acknowledgement, as Python's caller and Celery's monitors see it.

/** What Python sees of a task. */
interface Seen {
  /** What `get()` returns. */
  readonly value?: unknown
  /** What it raises. */
  readonly raised?: { readonly type: string; readonly module?: string; readonly args?: readonly unknown[] }
  /** The states that its caller is sent. */
  readonly states: readonly string[]
  /** What monitors hear of it, after `task-received`. */
  readonly events: readonly string[]
}

const FAILED = { states: ['FAILURE'], events: ['started', 'failed'] } as const

/** A task that does this in its first attempt, and returns `'ran again'` in any other. */
type Act = (ctx: { readonly signal: AbortSignal; retry(): never }) => unknown

const rows: Record<string, { act: Act; seen: Seen; early?: Partial<Seen>; settings?: object }> = {
  returns: { act: () => 5, seen: { value: 5, states: ['SUCCESS'], events: ['started', 'succeeded'] } },
  throws: {
    act: () => {
      throw Object.assign(new Error('boom'), { name: 'ValueError' })
    },
    seen: { raised: { type: 'ValueError', module: 'builtins', args: ['boom'] }, ...FAILED },
  },
  returns_what_no_json_can_say: {
    act: () => new Map(),
    seen: { raised: { type: 'EncodeError', module: 'kombu.exceptions' }, ...FAILED },
  },
  asks_for_a_retry: {
    act: (ctx) => ctx.retry(),
    settings: { retry: { limit: 1, delay: { base: 0 } } },
    seen: {
      value: 'ran again',
      states: ['RETRY', 'SUCCESS'],
      events: ['started', 'retried', 'received', 'started', 'succeeded'],
    },
  },
  rejects: {
    act: () => {
      throw new Reject('no')
    },
    seen: {
      raised: { type: 'Reject', module: 'celery.exceptions', args: ['no', false] },
      states: ['FAILURE'],
      events: ['started', 'rejected', 'failed'],
    },
    early: { events: ['started', 'failed'] },
  },
  rejects_for_another_try: {
    act: () => {
      throw new Reject('not now', { requeue: true })
    },
    seen: {
      value: 'ran again',
      states: ['SUCCESS'],
      events: ['started', 'rejected', 'received', 'started', 'succeeded'],
    },
    // It can't go back any more.
    early: {
      value: undefined,
      raised: { type: 'Reject', module: 'celery.exceptions', args: ['not now', true] },
      ...FAILED,
    },
  },
  runs_into_its_soft_limit: {
    act: (ctx) => sleep(600_000, undefined, { signal: ctx.signal }),
    settings: { timeLimit: { soft: 20, hard: '10m' } },
    seen: { raised: { type: 'SoftTimeLimitExceeded', module: 'billiard.exceptions' }, ...FAILED },
  },
  heeds_its_soft_limit: {
    act: (ctx) => sleep(600_000, undefined, { signal: ctx.signal }).catch(() => 'in time'),
    settings: { timeLimit: { soft: 20, hard: '10m' } },
    seen: { value: 'in time', states: ['SUCCESS'], events: ['started', 'succeeded'] },
  },
  runs_into_its_hard_limit: {
    act: () => sleep(600_000, undefined, { ref: false }),
    settings: { timeLimit: { hard: 500 } },
    seen: { raised: { type: 'TimeLimitExceeded', module: 'billiard.exceptions', args: [0.5] }, ...FAILED },
  },
  runs_into_its_hard_limit_and_goes_back: {
    act: () => sleep(600_000, undefined, { ref: false }),
    settings: { timeLimit: { hard: 500 }, ackOnTimeout: false },
    // The caller hears of the failure, and monitors of both runs.
    seen: {
      raised: { type: 'TimeLimitExceeded', module: 'billiard.exceptions', args: [0.5] },
      states: ['FAILURE'],
      events: ['started', 'failed', 'received', 'started', 'succeeded'],
    },
    early: { events: ['started', 'failed'] },
  },
  is_tracked: {
    act: () => 1,
    settings: { trackStarted: true },
    seen: { value: 1, states: ['STARTED', 'SUCCESS'], events: ['started', 'succeeded'] },
  },
}

/** The tasks of the table, acknowledged as their name says. */
function tasksOf(acks: 'late' | 'early'): AnyTask[] {
  return Object.entries(rows).map(([name, { act, settings }]) => {
    const begun = new Set<string>()
    return defineTask({
      name: `${name}_${acks}`,
      acks,
      ...settings,
      async run(_args: object, ctx) {
        if (begun.has(ctx.id)) return 'ran again'
        begun.add(ctx.id)
        return await act(ctx)
      },
    }) as AnyTask
  })
}

const ignored = defineTask({
  name: 'ignored',
  run() {
    throw new Ignore()
  },
})
const unwanted = defineTask({ name: 'unwanted', trackStarted: true, run: () => 1 })
const gate = defineTask({
  name: 'gate',
  run: (_args: object, ctx) => sleep(600_000, undefined, { signal: ctx.signal }),
})

let scene: WorkerScene
let caller: PythonCaller
let monitor: Program
const events = new Journal<{ readonly type: string; readonly hostname: string; readonly uuid?: string }>()

beforeAll(async () => {
  const settings = { broker: brokerUrl() }
  const tasks = [...tasksOf('late'), ...tasksOf('early'), ignored, unwanted, gate]
  monitor = await startPython(['monitor.py'], settings)
  await readyOrClosed(
    monitor,
    monitor.output.until((line) => line === '"ready"'),
  )
  monitor.output.listen((line) => events.push((JSON.parse(line) as { event: (typeof events.entries)[number] }).event))
  caller = await PythonCaller.start(settings)
  scene = await aWorker(tasks, { events: true })
})

afterAll(async () => {
  await scene?.[Symbol.asyncDispose]()
  await caller?.[Symbol.asyncDispose]()
  await monitor?.[Symbol.asyncDispose]()
})

/** What monitors hear of a task, until they have heard of so many events. */
async function heardOf(id: string, count: number): Promise<string[]> {
  await events.untilCount(count, ({ uuid }) => uuid === id)
  return events.entries.filter(({ uuid }) => uuid === id).map(({ type }) => type.replace('task-', ''))
}

describe.each(['late', 'early'] as const)('with %s acknowledgement', (acks) => {
  it.each(Object.entries(rows))('a task that %s', async (name, row) => {
    const expected: Seen = { ...row.seen, ...(acks === 'early' && row.early) }
    const id = await caller.sendTask(`${name}_${acks}`, [], { queue: scene.queue })
    expect((await caller.watch(id)).map(({ status }) => status)).toEqual(expected.states)
    const ended = caller.get(id)
    if (expected.raised === undefined) expect(await ended).toEqual(expected.value)
    else await expect(ended).rejects.toMatchObject(expected.raised)
    expect(await heardOf(id, expected.events.length + 1)).toEqual(['received', ...expected.events])
  })
})

describe('a task', () => {
  it('that is ignored leaves its caller without a word', async () => {
    const id = await caller.sendTask('ignored', [], { queue: scene.queue })
    await scene.log.until(({ event, task_id }) => event === 'task.ignored' && task_id === id)
    expect(await caller.state(id)).toMatchObject({ state: 'PENDING' })
    expect(await heardOf(id, 2)).toEqual(['received', 'started'])
  })

  it('whose result its caller does not want stores none, not even that it starts', async () => {
    const id = await caller.sendTask('unwanted', [], { queue: scene.queue, ignore_result: true })
    expect(await heardOf(id, 3)).toEqual(['received', 'started', 'succeeded'])
    expect(await caller.state(id)).toMatchObject({ state: 'PENDING' })
  })

  it('that was revoked before it came is not received, as monitors see it', async () => {
    const { node } = scene.worker
    await caller.broadcast('revoke', { arguments: { task_id: 'revoked-before' }, destination: [node], timeout: 60 })
    const id = await caller.sendTask('gate', [], { queue: scene.queue, task_id: 'revoked-before' })
    await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['revoked'] })
    expect(await heardOf(id, 1)).toEqual(['revoked'])
  })

  it('that is revoked while it waits for its time stays until then, and is not run', async () => {
    const { node } = scene.worker
    const to = { destination: [node], limit: 1, timeout: 60 }
    const id = await caller.sendTask('gate', [], { queue: scene.queue, countdown: 3 })
    expect(await heardOf(id, 1)).toEqual(['received'])
    await caller.broadcast('revoke', { arguments: { task_id: id }, ...to })
    expect(await caller.broadcast('scheduled', to)).toMatchObject([{ [node]: [{ request: { id } }] }])
    await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['revoked'] })
    expect(await heardOf(id, 2)).toEqual(['received', 'revoked'])
  })

  it('that is terminated ends with the signal that Python names', async () => {
    const { node } = scene.worker
    const id = await caller.sendTask('gate', [], { queue: scene.queue })
    expect(await heardOf(id, 2)).toEqual(['received', 'started'])
    const order = { task_id: id, terminate: true, signal: 'SIGTERM' }
    await caller.broadcast('revoke', { arguments: order, destination: [node], limit: 1, timeout: 60 })
    await expect(caller.get(id)).rejects.toMatchObject({ type: 'TaskRevokedError', args: ['terminated'] })
    expect(await heardOf(id, 3)).toEqual(['received', 'started', 'revoked'])
    expect(events.entries.findLast(({ uuid }) => uuid === id)).toMatchObject({ signum: 15, terminated: true })
  })
})

it('leaves nothing behind, and tells monitors that it is gone once the last task has ended', async () => {
  const { node } = scene.worker
  const id = await caller.sendTask('heeds_its_soft_limit_late', [], { queue: scene.queue, soft_time_limit: 2 })
  await heardOf(id, 2)
  expect(await scene.worker.stop('warm')).toBe('clean')
  await events.until(({ type, hostname }) => type === 'worker-offline' && hostname === node)
  expect(await heardOf(id, 3)).toEqual(['received', 'started', 'succeeded'])
  const order = events.entries.filter(
    ({ uuid, hostname, type }) => uuid === id || (hostname === node && type === 'worker-offline'),
  )
  expect(order.map(({ type }) => type).slice(-2)).toEqual(['task-succeeded', 'worker-offline'])
  await queueOnce(scene.queue, ({ messages }) => messages === 0)
  await queueOnce(quarantineQueue(scene.queue), ({ messages }) => messages === 0)
})
