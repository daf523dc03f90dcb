import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/client/create-client.ts'
import type { Overview, WorkerList } from '../../src/monitor/answers/cluster.ts'
import type { TaskDetail, TaskList } from '../../src/monitor/answers/tasks.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { type Program, readyOrClosed } from '../support/program.ts'
import { startCeleryWorker, startPython } from '../support/python.ts'
import { brokerUrl } from '../support/services.ts'
import { TwqMonitor } from '../support/twq-monitor.ts'
import { startTwqWorker, type TwqWorker } from '../support/twq-worker.ts'
import { pollUntil } from '../support/until.ts'

const TASKS = `import { once } from 'node:events'
import { defineTask } from 'twq'
export const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }) => x + y })
export const boom = defineTask({ name: 'boom', run() { throw new RangeError('no') } })
export const flaky = defineTask({ name: 'flaky', retry: { limit: 1, delay: { base: 1, max: 1 } }, run(_args, ctx) {
  if (ctx.attempt === 1) throw new Error('again')
  return 'done'
} })
export const hold = defineTask({ name: 'hold', async run(_args, ctx) {
  await once(ctx.signal, 'abort')
  throw ctx.signal.reason
} })
`

/** What Celery's State knows. */
interface Known {
  readonly tasks: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly workers: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly task_count: number
}

const ENDS: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE'])
const closing: AsyncDisposable[] = []
let client: Client
let state: Program
let proxy: FaultProxy
let monitor: TwqMonitor
const ours: TwqWorker[] = []

beforeAll(async () => {
  const broker = brokerUrl()
  client = createClient({ broker, resultBackend: 'none' })
  proxy = await FaultProxy.before(broker)
  state = await startPython(['state.py'], { broker }, { stdin: 'pipe' })
  closing.push(state, proxy)
  await readyOrClosed(
    state,
    state.output.until((line) => line === '"ready"'),
  )
  monitor = await TwqMonitor.start(['--broker', proxy.through(broker), '--allow-control'])
  closing.push(monitor)
  await monitorSees<Overview>('/api/overview', (answer) => answer.broker.state === 'connected')
  for (const name of ['ours1', 'ours2']) {
    const args = ['-E', '-n', `${name}@%h`, '--queues', name]
    const worker = await startTwqWorker({ tasks: TASKS, broker, args })
    ours.push(worker)
    closing.push(worker)
  }
  for (const name of ['python1', 'python2']) {
    // The second one is told to send events later.
    const events = name === 'python1' ? ['-E'] : []
    closing.push(await startCeleryWorker({ broker, queue: name }, { args: [...events, '-n', `${name}@%h`] }))
  }
})

afterAll(async () => {
  await client?.close()
  for (const one of closing.reverse()) await one[Symbol.asyncDispose]()
})

function monitorSees<Answer>(path: string, accept: (answer: Answer) => boolean): Promise<Answer> {
  return pollUntil(path, () => monitor.get<Answer>(path), accept)
}

/** The task once it is as it should be; before its first event the monitor knows nothing of it. */
async function taskSeen(id: string, accept: (task: TaskDetail) => boolean): Promise<TaskDetail> {
  const task = await pollUntil(
    `task ${id}`,
    () => monitor.get<TaskDetail>(`/api/tasks/${id}`).catch(() => undefined),
    (answer) => answer !== undefined && accept(answer),
  )
  return task as TaskDetail
}

/** Asks Celery's State until it knows the end of all these tasks. */
async function celerySees(ids: readonly string[]): Promise<Known> {
  return await pollUntil(
    "Celery's State knows the ends",
    async () => {
      const from = state.output.entries.length
      state.write('\n')
      return JSON.parse(await state.output.until((line) => line.startsWith('{'), { from })) as Known
    },
    ({ tasks }) => ids.every((id) => ENDS.has(String(tasks[id]?.state))),
  )
}

describe('twq monitor, beside two Python workers and two of ours', () => {
  it('names the worker that sends no events, and has it send them', async () => {
    await client.send('add', [1, 1], { queue: 'python2' })
    const silent = ({ workers }: WorkerList) =>
      workers.some((one) => one.name.startsWith('python2@') && one.taskEvents === 'silent')
    const { workers } = await monitorSees<WorkerList>('/api/workers', silent)
    const { name = '' } = workers.find((one) => one.name.startsWith('python2@')) ?? {}
    const { csrf } = await monitor.get<{ csrf: string }>('/api/session')
    const response = await fetch(`${monitor.url}/api/workers/enable-events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-twq-csrf': csrf },
      body: JSON.stringify({ workers: [name] }),
    })
    expect(response.status).toBe(200)
    await pollUntil(
      'its events',
      async () => {
        await client.send('add', [1, 1], { queue: 'python2' })
        return await monitor.get<WorkerList>('/api/workers')
      },
      (list) => list.workers.some((one) => one.name === name && one.taskEvents === 'heard'),
      { every: 500 },
    )
  })

  it("has the states, values and times that Celery's own State has from the same events", async () => {
    const sends = ['python1', 'python2', 'ours1', 'ours2'].flatMap((queue) => [
      ...Array.from({ length: 10 }, (_, number) => client.send('add', [number, 1], { queue })),
      ...Array.from({ length: 3 }, () => client.send('boom', [], { queue })),
      ...(queue.startsWith('ours') ? [client.send('flaky', [], { queue })] : []),
    ])
    const ids = (await Promise.all(sends)).map(({ id }) => id)
    const known = await celerySees(ids)
    for (const id of ids) {
      const task = await taskSeen(id, (answer) => ENDS.has(answer.state))
      const { name, args, kwargs, exception, runtime, retries, worker, received, started, at: timestamp } = task
      const shown = { name, state: task.state, args, kwargs, result: task.result?.text, exception, runtime, retries }
      const all = { ...shown, worker, received, started, timestamp, root_id: task.rootId, parent_id: task.parentId }
      const theirs = Object.fromEntries(Object.entries(known.tasks[id] ?? {}).filter(([, value]) => value !== null))
      expect(withoutUndefined(all)).toEqual(theirs)
    }
    const { workers } = await monitor.get<WorkerList>('/api/workers')
    expect(workers.map(({ name }) => name)).toEqual(Object.keys(known.workers).sort())
    for (const { name, pid } of workers) expect(known.workers[name]?.pid).toBe(pid)
    expect((await monitor.get<TaskList>('/api/tasks')).remembered).toBe(Object.keys(known.tasks).length)
    expect((await monitor.get<Overview>('/api/overview')).totals.received).toBe(known.task_count)
  })

  it('says when it heard nothing, catches up, and marks the tasks whose end it missed', async () => {
    const [ending, running] = await Promise.all([
      client.send('hold', [], { queue: 'ours1' }),
      client.send('hold', [], { queue: 'ours2' }),
    ])
    for (const { id } of [ending, running]) {
      await taskSeen(id, ({ state: now }) => now === 'STARTED')
    }
    proxy.refuse()
    proxy.reset()
    await monitorSees<Overview>('/api/overview', ({ broker }) => broker.state === 'lost')
    await client.revoke(ending.id, { terminate: true })
    await ours[0]?.until('task.revoked', { task_id: ending.id })
    proxy.heal()
    const lost = await taskSeen(ending.id, ({ unknownSince }) => unknownSince !== undefined)
    const { gaps } = await monitor.get<Overview>('/api/overview')
    expect([lost.state, lost.unknownSince]).toEqual(['STARTED', gaps[0]?.from])
    expect(gaps[0]?.to).toBeGreaterThan(gaps[0]?.from ?? 0)
    expect(await monitor.get<TaskDetail>(`/api/tasks/${running.id}`)).toMatchObject({ state: 'STARTED' })
    expect((await monitor.get<TaskDetail>(`/api/tasks/${running.id}`)).unknownSince).toBeUndefined()
  })

  it('says since when the worker of a running task is silent, once that was killed', async () => {
    const { id } = await client.send('hold', [], { queue: 'ours2' })
    await taskSeen(id, ({ state: now }) => now === 'STARTED')
    ours[1]?.signal('SIGKILL')
    const { worker } = await taskSeen(id, (task) => task.workerLostSince !== undefined)
    const { workers } = await monitor.get<WorkerList>('/api/workers')
    expect(workers.find(({ name }) => name === worker)).toMatchObject({ online: false })
  })
})

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
