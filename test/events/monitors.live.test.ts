import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Reject } from '../../src/tasks/attempt/control-flow.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker } from '../support/a-worker.ts'
import { FaultProxy } from '../support/fault-proxy.ts'
import { type Program, readyOrClosed } from '../support/program.ts'
import { startPython } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { publishRaw } from '../support/raw-broker.ts'
import { add, boom, flaky } from '../support/sample-tasks.ts'
import { brokerUrl } from '../support/services.ts'
import { Journal } from '../support/until.ts'

// Celery's own monitors listen to our worker: its receiver, its cluster state and `celery events --dump`.

/** What monitor.py says of one event. */
interface Sighting {
  readonly event: { readonly type: string; readonly hostname: string; readonly clock: number; readonly uuid?: string }
  readonly task?: { readonly state: string; readonly [field: string]: unknown }
  readonly worker?: { readonly alive: boolean; readonly [field: string]: unknown }
}

const refused = defineTask({
  name: 'refused',
  run() {
    throw new Reject('no')
  },
})
const tasks = [add, boom, flaky, refused]

let program: Program
let caller: PythonCaller
const seen = new Journal<Sighting>()

beforeAll(async () => {
  const settings = { broker: brokerUrl() }
  caller = await PythonCaller.start(settings)
  program = await startPython(['monitor.py'], settings)
  await readyOrClosed(
    program,
    program.output.until((line) => line === '"ready"'),
  )
  program.output.listen((line) => seen.push(JSON.parse(line) as Sighting))
})

afterAll(async () => {
  await program?.[Symbol.asyncDispose]()
  await caller?.[Symbol.asyncDispose]()
})

/** Waits until the monitor has heard this of a task; answers with all that it heard of it until then. */
async function lifeOf(uuid: string, last: string): Promise<Sighting[]> {
  await seen.until(({ event }) => event.uuid === uuid && event.type === last)
  return seen.entries.filter(({ event }) => event.uuid === uuid)
}

const typesIn = (life: readonly Sighting[]): string[] => life.map(({ event }) => event.type)
const stateAfter = (life: readonly Sighting[]): Sighting['task'] => life.at(-1)?.task

describe("Celery's monitors, of the tasks of a worker", () => {
  it('see the whole life of each, and compute the state it ends in', async () => {
    await using scene = await aWorker(tasks, { events: true })
    const { client, queue } = scene

    const added = await lifeOf((await client.send(add, { x: 2, y: 3 })).id, 'task-succeeded')
    expect(typesIn(added)).toEqual(['task-received', 'task-started', 'task-succeeded'])
    expect(stateAfter(added)).toMatchObject({ name: 'add', state: 'SUCCESS', result: '5', retries: 0 })
    const clocks = added.map(({ event }) => event.clock)
    expect(clocks).toEqual(clocks.toSorted((a, b) => a - b))

    const failed = await lifeOf((await client.send(boom)).id, 'task-failed')
    expect(typesIn(failed)).toEqual(['task-received', 'task-started', 'task-failed'])
    expect(stateAfter(failed)).toMatchObject({
      state: 'FAILURE',
      exception: expect.stringContaining("('too far')"),
      traceback: expect.stringContaining('too far'),
    })

    const retried = await lifeOf((await client.send(flaky)).id, 'task-succeeded')
    expect(typesIn(retried)).toEqual([
      ...['task-received', 'task-started', 'task-retried'],
      ...['task-received', 'task-started', 'task-succeeded'],
    ])
    expect(retried.find(({ event }) => event.type === 'task-retried')?.task?.state).toBe('RETRY')
    expect(stateAfter(retried)).toMatchObject({ state: 'SUCCESS', result: "'done'", retries: 1 })

    const rejected = await lifeOf((await client.send(refused)).id, 'task-rejected')
    expect(typesIn(rejected)).toEqual(['task-received', 'task-started', 'task-rejected'])

    const unknown = await lifeOf(await caller.sendTask('nobody.knows', [], { queue }), 'task-failed')
    expect(typesIn(unknown)).toEqual(['task-failed'])
    expect(stateAfter(unknown)).toMatchObject({ state: 'FAILURE', exception: "NotRegistered('nobody.knows')" })

    const { message } = client.encode(add, { x: 1, y: 1 }, { taskId: 'late-1' })
    const expires = new Date(Date.now() - 1_000).toISOString()
    await publishRaw(queue, { ...message, headers: { ...message.headers, expires } })
    const revoked = await lifeOf('late-1', 'task-revoked')
    expect(revoked.at(-1)).toMatchObject({ event: { expired: true, terminated: false }, task: { state: 'REVOKED' } })
  })

  it('see them from when they ask for them until they ask no more', async () => {
    await using scene = await aWorker(tasks)
    const { node } = scene.worker
    const ask = async (command: string): Promise<unknown> =>
      (await caller.broadcast(command, { destination: [node] }))[0]?.[node]

    const silent = await scene.client.send(add, { x: 1, y: 1 })
    await scene.logged('task.succeeded')
    expect(await ask('heartbeat')).toBeNull()
    expect(await ask('enable_events')).toEqual({ ok: 'task events enabled' })
    expect(await ask('enable_events')).toEqual({ ok: 'task events already enabled' })
    await lifeOf((await scene.client.send(add, { x: 1, y: 2 })).id, 'task-succeeded')
    expect(await ask('disable_events')).toEqual({ ok: 'task events disabled' })
    expect(await ask('disable_events')).toEqual({ ok: 'task events already disabled' })
    expect(seen.entries.some(({ event }) => event.uuid === silent.id)).toBe(false)
  })

  it('see them again after the connection was lost', async () => {
    await using proxy = await FaultProxy.before(brokerUrl())
    await using scene = await aWorker(tasks, { events: true, broker: proxy.through(brokerUrl()) })
    const online = ({ event }: Sighting) => event.hostname === scene.worker.node && event.type === 'worker-online'
    await seen.untilCount(1, online)
    proxy.reset()
    await seen.untilCount(2, online)
    const { id } = await scene.client.send(add, { x: 2, y: 2 })
    expect(stateAfter(await lifeOf(id, 'task-succeeded'))).toMatchObject({ state: 'SUCCESS', result: '4' })
  })
})

describe("Celery's monitors, of a worker", () => {
  it('see it come, live and go', async () => {
    const scene = await aWorker(tasks, { eventHeartbeat: '200ms' })
    const { node } = scene.worker
    const heard = (type: string) => seen.until(({ event }) => event.hostname === node && event.type === type)
    const software = { sw_ident: 'twq', freq: 0.2 }
    expect((await heard('worker-online')).worker).toMatchObject({ ...software, alive: true, active: 0, processed: 0 })
    await (await scene.client.send(add, { x: 1, y: 1 })).result()
    await seen.until(({ event, worker }) => event.hostname === node && worker?.processed === 1)
    await scene[Symbol.asyncDispose]()
    expect((await heard('worker-offline')).worker).toMatchObject({ alive: false, processed: 1 })
  })

  it('print its tasks with celery events --dump, and get the heartbeat that they ask for', async () => {
    await using scene = await aWorker(tasks, { events: true, workerEvents: false })
    await using dump = await startPython(['-m', 'celery', '-A', 'proj', 'events', '--dump'], { broker: brokerUrl() })
    // It asks once it listens, and this worker says nothing of the kind of its own accord.
    await dump.until(`${scene.worker.node} [`)
    const { id } = await scene.client.send(add, { x: 20, y: 22 })
    expect(await dump.until(`task received: add(${id})`)).toContain("kwargs={'x': 20, 'y': 22}")
    await dump.until(`task started: add(${id})`)
    expect(await dump.until(`task succeeded: add(${id})`)).toContain('result=42')
  })
})
