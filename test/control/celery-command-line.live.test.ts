import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseJson } from '../../src/protocol/json.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { type Program, readyOrClosed } from '../support/program.ts'
import { startCeleryWorker, startPython } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, celeryRelease, uniqueName } from '../support/services.ts'

// `celery -b URL inspect …` and `control …`, typed once for two workers that do the same: Python's and ours.

const go = deferred<void>()
const sleep = defineTask({ name: 'sleep', positional: ['seconds'], run: () => go.promise })
const add = defineTask({ name: 'add', positional: ['x', 'y'], run: () => 0 })

let scene: WorkerScene
let python: Program
let commandLine: Program
const theirQueue = uniqueName('python')
const theirNode = `${theirQueue}@test`

beforeAll(async () => {
  const settings = { broker: brokerUrl(), queue: theirQueue }
  python = await startCeleryWorker(settings, { pool: 'prefork', args: ['--hostname', theirNode] })
  scene = await aWorker([sleep, add], { concurrency: 1, prefetch: 4 })
  commandLine = await startPython(['command_line.py'], settings, { stdin: 'pipe' })
  await readyOrClosed(commandLine, commandLine.until('ready'))
  await using caller = await PythonCaller.start(settings)
  // Each runs one, has one wait, and holds one; under the same ids, which neither knows of the other.
  for (const queue of [theirQueue, scene.queue]) {
    await caller.sendTask('sleep', [600], { queue, task_id: 'running' })
    await caller.sendTask('sleep', [600], { queue, task_id: 'waiting' })
    await caller.sendTask('add', [1, 2], { queue, task_id: 'held', countdown: 300 })
  }
  await python.until(/Task add.* received/)
  await scene.log.untilCount(3, ({ event }) => event === 'task.received')
})

afterAll(async () => {
  go.resolve()
  await commandLine?.[Symbol.asyncDispose]()
  await python?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

// What Celery ends with when nobody answers.
const EX_UNAVAILABLE = 69

let typed = 0

/** Types it after `celery -b URL`. */
async function celery(...args: string[]): Promise<{ readonly status: number; readonly output: string }> {
  commandLine.write(`${JSON.stringify(args)}\n`)
  typed += 1
  const answers = await commandLine.output.untilCount(typed)
  return JSON.parse(answers.at(-1) as string) as { status: number; output: string }
}

/** Both workers, as a destination: Celery waits no longer than until both have answered. */
const both = (): string[] => ['-d', `${theirNode},${scene.worker.node}`, '-t', '60']

/** The answers of both to `inspect` or `control`, as its `--json` prints them. */
async function ask(...command: string[]): Promise<{ ours: unknown; theirs: unknown }> {
  const [program = '', ...rest] = command
  const { status, output } = await celery(program, '--json', ...both(), ...rest)
  expect(status).toBe(0)
  // As Python writes it: with Infinity.
  const printed: unknown = parseJson(output)
  // `inspect` prints one table, `control` a list of tables.
  const answers = Object.assign({}, ...[printed].flat()) as Record<string, unknown>
  expect(Object.keys(answers).sort()).toEqual([scene.worker.node, theirNode].sort())
  return { ours: answers[scene.worker.node], theirs: answers[theirNode] }
}

/** What Celery 5.2 does not know. */
function since56<Row>(...rows: Row[]): Row[] {
  return celeryRelease() === '5.2' ? [] : rows
}

/** Types in place of values. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shapeOf)
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shapeOf(member)]))
}

describe('celery inspect', () => {
  it.each([
    ['active'],
    ['active_queues'],
    ['clock'],
    ['memdump'],
    ['objgraph'],
    ['ping'],
    ['query_task', 'running'],
    ['query_task', 'running', 'waiting', 'nobody'],
    ['registered'],
    ['registered', 'max_retries', 'serializer'],
    ['report'],
    ['reserved'],
    ['revoked'],
    ['scheduled'],
  ])('%j --json prints the same keys and types for both', async (...command) => {
    const { ours, theirs } = await ask('inspect', ...command)
    expect(shapeOf(ours)).toEqual(shapeOf(theirs))
  })

  it('stats prints the same for both, but for the pipes that only Python’s processes have', async () => {
    const { ours, theirs } = await ask('inspect', 'stats')
    const shape = shapeOf(theirs) as { pool: object; broker: object }
    // Two that Celery 5.2 does not tell.
    const { writes: _pipes, ...pool } = { ...shape.pool, implementation: 'string' } as Record<string, unknown>
    const broker = { ...shape.broker, credential_provider: 'null' }
    expect(shapeOf(ours)).toEqual({ ...shape, pool, broker })
    expect((ours as { total: object }).total).toEqual((theirs as { total: object }).total)
  })

  it('memsample prints a text, as Python’s worker does where it can measure', async () => {
    const { ours, theirs } = await ask('inspect', 'memsample')
    expect(ours).toMatch(/^\d+MB$/)
    expect(['string', 'null']).toContain(shapeOf(theirs))
  })

  it('conf prints settings of Celery, of its types, and passwords as it does', async () => {
    const { ours, theirs } = (await ask('inspect', 'conf', 'true')) as Record<string, Record<string, unknown>>
    const [shown, expected] = [ours, theirs].map(shapeOf) as [Record<string, unknown>, Record<string, unknown>]
    for (const [key, type] of Object.entries(shown)) {
      // A timedelta by default, which is shown as a text; a number where it is set.
      if (key === 'result_expires') continue
      expect(Object.keys(expected)).toContain(key)
      if (type !== 'null' && expected[key] !== 'null') expect({ [key]: type }).toEqual({ [key]: expected[key] })
    }
    expect(ours?.broker_url).toBe(theirs?.broker_url)
    expect(ours?.result_backend).toBe(theirs?.result_backend)
  })

  it('names both, and what they say, to people', async () => {
    const { status, output } = await celery('inspect', ...both(), 'active')
    expect(status).toBe(0)
    for (const node of [theirNode, scene.worker.node]) expect(output).toContain(`->  ${node}: OK`)
    expect(output.match(/'id': 'running'/g)).toHaveLength(2)
    expect(output).toContain('2 nodes online.')
  })
})

describe('celery control', () => {
  it.each([
    ['terminate', 'SIGTERM', 'x-3'],
    ...since56(['revoke_by_stamped_headers', 'header=stamp', 'other=one'], ['revoke_by_stamped_headers']),
    ['rate_limit', 'add', '10/m'],
    ['rate_limit', 'add', '0'],
    ['rate_limit', 'nobody', '1/s'],
    ['time_limit', 'add', '10', '20'],
    ['time_limit', 'nobody', '1'],
    ['pool_grow', '2'],
    ['pool_restart'],
    ['autoscale', '5', '1'],
    ['add_consumer', 'command-line-extra'],
    ['cancel_consumer', 'command-line-extra'],
    ['cancel_consumer', 'nobody-had-it'],
    ['enable_events'],
    ['enable_events'],
    ['disable_events'],
    ['disable_events'],
    ['heartbeat'],
    ['election'],
    ['rate_limit', 'add'],
    ['terminate', 'SIGTERM'],
  ])('%j is answered as Python answers it', async (...command) => {
    const { ours, theirs } = await ask('control', ...command)
    expect(ours).toEqual(theirs)
  })

  it('pool_shrink is not refused while tasks run, as Python may do, and ends none', async () => {
    const { ours } = await ask('control', 'pool_shrink', '2')
    expect(ours).toEqual({ ok: 'pool will shrink' })
    expect((await ask('inspect', 'active')).ours).toHaveLength(2)
  })

  it('revoke is answered in the words of Celery 5.6, which are not those of 5.2', async () => {
    const { ours, theirs } = await ask('control', 'revoke', 'x-1')
    expect(ours).toEqual({ ok: "tasks {'x-1'} flagged as revoked" })
    expect(theirs).toMatchObject({ ok: expect.stringMatching(/^tasks .*x-1.* flagged as revoked$/) })
  })
})

describe('celery status', () => {
  it('lists both', async () => {
    const { status, output } = await celery('status', '--json', ...both())
    expect(status).toBe(0)
    expect(JSON.parse(output.split('\n')[0] as string)).toEqual({
      [theirNode]: { ok: 'pong' },
      [scene.worker.node]: { ok: 'pong' },
    })
  })
})

describe('celery control shutdown', () => {
  it('is answered by neither, and both leave once their tasks have ended', async () => {
    const { status } = await celery('control', '-d', `${theirNode},${scene.worker.node}`, '-t', '0.5', 'shutdown')
    expect(status).toBe(EX_UNAVAILABLE)
    await scene.logged('worker.draining')
    go.resolve()
    expect(await scene.worker.stopped).toBe('clean')
    await python.until('Got shutdown from remote')
  })
})
