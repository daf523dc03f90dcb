import { afterAll, beforeAll, expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, celeryRelease, uniqueName } from '../support/services.ts'

// Python's worker and ours side by side on one broker, asked by Celery's own client with one message for both.

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: () => 0 })

let scene: WorkerScene
let python: Program
let caller: PythonCaller

beforeAll(async () => {
  const settings = { broker: brokerUrl(), queue: uniqueName('python') }
  python = await startCeleryWorker(settings, { pool: 'prefork', concurrency: 2 })
  caller = await PythonCaller.start(settings)
  scene = await aWorker([add], { concurrency: 2 })
})

afterAll(async () => {
  await caller?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

/** The replies of both. */
async function ask(command: string, args: object): Promise<{ ours: unknown; theirs: unknown }> {
  const replies = await caller.broadcast(command, { arguments: args, limit: 2, timeout: 30 })
  const byNode = Object.assign({}, ...replies) as Record<string, unknown>
  const { node } = scene.worker
  const others = Object.keys(byNode).filter((name) => name !== node)
  expect(others).toHaveLength(1)
  return { ours: byNode[node], theirs: byNode[others[0] as string] }
}

/** Types in place of values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]))
}

const REVOKED_BY_STAMPS = [
  ['revoke_by_stamped_headers', { headers: { header: ['stamp', 'other'] } }],
  ['revoke_by_stamped_headers', { headers: ['header=stamp', 'more=one'] }],
  ['revoke_by_stamped_headers', { headers: { header: 'stamp' }, terminate: true }],
  ['revoke_by_stamped_headers', { headers: ['nothing'] }, 'shape'],
  ['revoke_by_stamped_headers', {}],
] as const

it.each([
  ['ping', {}],
  ['ping', { more: 'than it knows' }],
  ['no_such_command', {}],
  ['reserved', {}],
  ['dump_reserved', {}],
  ['dump_active', { safe: true }],
  ['scheduled', {}],
  ['query_task', { ids: ['nobody'] }],
  ['registered', { taskinfoitems: ['max_retries', 'nonsense'], builtins: 'no' }, 'shape'],
  ['report', {}, 'shape'],
  ['report', { more: 1 }],
  ['clock', {}, 'shape'],
  ['hello', { from_node: 'w9@elsewhere', revoked: {} }, 'shape'],
  ['memdump', {}, 'shape'],
  ['objgraph', { num: 1, max_depth: 1 }],
  ['objgraph', { what: 1 }],
  ['active_queues', {}, 'shape'],
  ['active_queues', { more: 1 }],
  ['revoke', {}],
  ['revoke', { task_id: 'x-1' }, 'shape'],
  ['revoke', { task_id: ['x-2', 'x-3'], terminate: true, signal: 'SIGTERM' }],
  // Celery 5.2 does not know it.
  ...(celeryRelease() === '5.2' ? [] : REVOKED_BY_STAMPS),
  ['terminate', { task_id: 'x-4', signal: 'SIGTERM' }],
  ['terminate', { task_id: 'x-4' }],
  ['rate_limit', { task_name: 'add', rate_limit: '10/m' }],
  ['rate_limit', { task_name: 'add', rate_limit: 0 }],
  ['rate_limit', { task_name: 'nobody', rate_limit: '1/s' }],
  ['rate_limit', { rate_limit: '1/s' }],
  ['time_limit', { task_name: 'add', soft: 10, hard: 20 }],
  ['time_limit', { task_name: 'add', soft: null, hard: null }],
  ['time_limit', { task_name: 'nobody', soft: 1 }],
  ['time_limit', {}],
  ['pool_grow', { n: 2 }],
  ['pool_shrink', { n: 2 }],
  ['pool_restart', { modules: ['os'], reload: true }],
  ['autoscale', { max: 5, min: 1 }],
  ['autoscale', { top: 5 }],
  ['add_consumer', { queue: 'replies-extra' }],
  ['cancel_consumer', { queue: 'replies-extra' }],
  ['cancel_consumer', { queue: 'nobody-had-it' }],
  ['add_consumer', {}],
  ['cancel_consumer', {}],
  ['enable_events', {}],
  ['enable_events', {}],
  ['disable_events', {}],
  ['disable_events', {}],
  ['enable_events', { more: 1 }],
  ['heartbeat', {}],
  ['heartbeat', { more: 1 }],
] as const)('%s %j is answered as Python answers it', async (command, args, compare?: 'shape') => {
  const { ours, theirs } = await ask(command, args)
  if (compare === 'shape') expect(shapeOf(ours)).toEqual(shapeOf(theirs))
  else expect(ours).toEqual(theirs)
})

it('conf has only names that Celery knows, of the same types', async () => {
  const expression = '{key: type(value).__name__ for key, value in app.conf.table(with_defaults=True).items()}'
  const theirs = (await caller.evaluate(expression)) as Record<string, string>
  const args = { destination: [scene.worker.node], arguments: { with_defaults: true }, limit: 1, timeout: 30 }
  const [reply] = await caller.broadcast('conf', args)
  const ours = reply?.[scene.worker.node] as Record<string, unknown>
  expect(Object.keys(ours).filter((key) => !(key in theirs))).toEqual([])
  const named = { string: 'str', boolean: 'bool', number: 'int' } as Readonly<Record<string, string>>
  for (const key of ['result_backend', 'task_acks_late', 'worker_prefetch_multiplier', 'worker_pool', 'enable_utc']) {
    expect(named[typeof ours[key]], key).toBe(theirs[key])
  }
  expect(JSON.stringify(ours)).not.toContain('guest:guest')
})

it('election is answered, and elects nobody', async () => {
  // To our node alone: Python's worker does not survive an election with a single candidate.
  const replies = await caller.broadcast('election', {
    arguments: { id: 'e-1', topic: 'task', action: null },
    destination: [scene.worker.node],
    limit: 1,
    timeout: 30,
  })
  expect(replies).toEqual([{ [scene.worker.node]: null }])
})
