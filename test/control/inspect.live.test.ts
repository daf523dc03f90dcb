import { afterAll, beforeAll, expect, it } from 'vitest'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'

// Two workers on one broker, Python's and ours: Celery's own client asks both, and may not see which is which.

const go = deferred<void>()
const sleep = defineTask({ name: 'sleep', run: () => go.promise })
const limits = { concurrency: 1, prefetch: 2 } as const

let scene: WorkerScene
let python: Program
let caller: PythonCaller

beforeAll(async () => {
  const theirs = uniqueName('python')
  const settings = { broker: brokerUrl(), queue: theirs }
  python = await startCeleryWorker(settings, { concurrency: 1 })
  caller = await PythonCaller.start(settings)
  scene = await aWorker([sleep], limits)
  await scene.client.send(sleep, {})
  await scene.client.send(sleep, {})
  await scene.log.untilCount(2, (record) => record.event === 'task.received')
  await scene.client.send(sleep, {}, { countdown: '5m' })
})

afterAll(async () => {
  go.resolve()
  await caller?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

/** The replies of both: ours and Python's. */
async function ask(command: string, args: object = {}): Promise<{ ours: unknown; theirs: unknown }> {
  const replies = (await caller.inspect(command, { timeout: 1.5, ...args })) ?? {}
  const { node } = scene.worker
  const others = Object.entries(replies).filter(([name]) => name !== node)
  expect(others).toHaveLength(1)
  return { ours: replies[node], theirs: others[0]?.[1] }
}

/** Types in place of values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]))
}

it.each(['ping', 'clock', 'active_queues'])('%s has the shape of Python’s reply', async (command) => {
  const { ours, theirs } = await ask(command)
  expect(shapeOf(ours)).toEqual(shapeOf(theirs))
})

it('stats has the keys and types of Python’s reply', async () => {
  const { ours, theirs } = await ask('stats')
  const expected = shapeOf(theirs) as Record<string, Record<string, unknown>>
  const got = shapeOf(ours) as Record<string, Record<string, unknown>>
  expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort())
  // kombu has a credential provider since 5.6.
  expect(got.broker).toEqual({ credential_provider: 'null', ...expected.broker, uri_prefix: 'null' })
  expect(got.rusage).toEqual(expected.rusage)
  for (const key of ['pid', 'clock', 'uptime', 'prefetch_count']) expect(got[key]).toBe(expected[key])
  expect(ours).toMatchObject({ total: { sleep: 1 }, pool: { 'max-concurrency': 1, processes: [process.pid] } })
})

it('active, reserved and scheduled tell the three kinds of waiting apart', async () => {
  const request = { name: 'sleep', type: 'sleep', args: [], kwargs: {}, hostname: scene.worker.node }
  expect((await ask('active')).ours).toMatchObject([{ ...request, time_start: expect.any(Number) }])
  expect((await ask('reserved')).ours).toMatchObject([{ ...request, time_start: null, worker_pid: null }])
  // Held back by the prefetch until a request is out of the way, or here already: never among the others.
  expect((await ask('scheduled')).ours).toEqual([])
  go.resolve()
  await scene.log.untilCount(3, (record) => record.event === 'task.received')
  expect((await ask('scheduled')).ours).toMatchObject([{ eta: expect.any(String), priority: 6, request }])
})

it('registered lists the tasks, with the attributes that were asked for', async () => {
  expect((await ask('registered')).ours).toEqual(['sleep'])
  const replies = await caller.inspect('registered', { timeout: 1.5 })
  expect(Object.keys(replies ?? {})).toHaveLength(2)
})

it('registered shows each attribute as Python’s reply does, those at their default, too', async () => {
  const items = ['name', 'ignore_result', 'max_retries', 'serializer', 'typing', 'nonsense']
  const replies = await caller.broadcast('registered', { arguments: { taskinfoitems: items }, timeout: 1.5 })
  const { [scene.worker.node]: ours, ...others } = Object.assign({}, ...replies) as Record<string, unknown>
  const [theirs] = Object.values(others)
  const attributes = (reply: unknown, name: string): string | undefined =>
    (reply as readonly string[]).find((line) => line.startsWith(`${name} [`))?.replaceAll(name, 'NAME')
  expect(attributes(ours, 'sleep')).toBe(
    'NAME [name=NAME ignore_result=False max_retries=3 serializer=json typing=True]',
  )
  expect(attributes(ours, 'sleep')).toBe(attributes(theirs, 'add'))
})

it('scheduled shows the microseconds that a message gives', async () => {
  // Soon enough to wait in the worker.
  const eta = new Date(Date.now() + 300_000).toISOString().replace(/\.\d+Z$/, '.119227+00:00')
  const id = await caller.sendTask('sleep', [], { eta, queue: scene.queue })
  await scene.log.until(({ event, task_id }) => event === 'task.received' && task_id === id)
  expect((await ask('scheduled')).ours).toContainEqual(expect.objectContaining({ eta }))
})

it('conf and report show no password', async () => {
  for (const command of ['conf', 'report']) {
    const text = JSON.stringify((await ask(command)).ours)
    expect(text).toContain('broker_url')
    expect(text).not.toContain('guest:guest')
  }
})
