import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RemoteTaskError } from '../../src/protocol/remote-task-error.ts'
import type { Json } from '../../src/runtime/json.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { type RedisServer, startRedis } from '../support/provision/redis.ts'
import { runPython, startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { shapes, tangled } from './shapes.ts'

const sig = (task: string, args: readonly Json[] = []): Json =>
  ({ task, args, kwargs: {}, options: {}, subtask_type: null, immutable: false }) as Json
const composed = (kind: string, kwargs: object): Json =>
  ({ task: `celery.${kind}`, args: [], kwargs, options: {}, subtask_type: kind, immutable: false }) as Json

const tasks = [
  defineTask({ name: 'note', positional: ['...args'], run: ({ args }: { args: readonly Json[] }) => args }),
  defineTask({ name: 'errback', positional: ['id'], run: ({ id }: { id: string }) => id }),
  defineTask({
    name: 'fail',
    positional: ['...args'],
    run({ args }: { args: readonly Json[] }) {
      const reason = { type: 'ValueError', module: 'builtins', args: ['bad', args.at(-1) ?? null], traceback: null }
      throw new RemoteTaskError(reason)
    },
  }),
  defineTask({
    name: 'replaced',
    positional: ['how', 'x'],
    run({ how, x }: { how: string; x: Json }, ctx) {
      const step = (text: string) => sig('note', [x, text])
      if (how === 'task') return ctx.replace(step('one'))
      if (how === 'chain') return ctx.replace(composed('chain', { tasks: [step('one'), sig('note', ['two'])] }))
      if (how === 'group') return ctx.replace(composed('group', { tasks: [step('one'), step('two')] }))
      return ctx.replace(composed('chord', { header: [step('one'), step('two')], body: sig('note', ['body']) }))
    },
  }),
  defineTask({
    name: 'grow',
    positional: ['x'],
    async run({ x }: { x: Json }, ctx) {
      await ctx.addToChord(sig('note', ['more']))
      return x
    },
  }),
]

const there = uniqueName('python')
let redis: RedisServer
let scene: WorkerScene
let celery: Program

beforeAll(async () => {
  redis = await startRedis()
  const settings = { broker: brokerUrl(), resultBackend: redis.url, queue: there }
  ;[scene, celery] = await Promise.all([
    aWorker(tasks, { resultBackend: redis.url, concurrency: 1 }),
    startCeleryWorker(settings, { args: ['-Q', there, '-I', 'workflows'] }),
  ])
})

afterAll(async () => {
  await celery?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
})

/** What a run of workflows.py left in Redis. */
interface Left {
  readonly run: string
  readonly keys: Readonly<Record<string, unknown>>
}

async function runAll(run: string, queues: readonly string[], input: unknown, flags: readonly string[] = []) {
  const settings = { broker: brokerUrl(), resultBackend: redis.url, queue: queues[0] ?? '' }
  const left = (await runPython('workflows.py', settings, { args: [run, queues.join(','), ...flags], input })) as object
  return { run, ...left } as Left
}

/** Results by task, with ids that two runs have in common; what belongs to the whole of a group goes by `group`. */
function resultsOf(shape: number, { run, keys }: Left): Map<string, unknown> {
  const own = `${run}-0000-4000-${shape.toString(16).padStart(4, '0')}-`
  const entries = Object.entries(keys).filter(([key, value]) => (key + JSON.stringify(value)).includes(own))
  const text = JSON.stringify(entries)
    .replaceAll(own, '#')
    // Those that workers drew: of errbacks, of callbacks, of their groups.
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'drawn')
    .replace(/celery-taskset-meta-[^."]+/g, 'group')
  return new Map((JSON.parse(text) as [string, unknown][]).map(([key, value]) => [nameOf(key, value), essence(value)]))
}

/** The parts of a chord go by the tasks they are of. */
function nameOf(key: string, value: unknown): string {
  return key.endsWith('.j') ? `group of ${(value as [number, string][]).map(([, id]) => id).join()}` : key
}

/** When, and by whom, is nobody's business; nor which id Celery 5.2 gives to the group that a worker starts: it draws one. */
function essence(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const { date_done: _, traceback: __, group_id: ___, children, ...meta } = value as Record<string, unknown>
  // Of a body that does not run Celery knows no more than that; of its children it stores those of another task.
  if (isChordError(meta)) return { status: meta.status, result: meta.result, task_id: meta.task_id }
  return { ...meta, children: Array.isArray(children) ? children.map(withoutGroupIds) : [] }
}

function isMeta(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isChordError({ result }: Record<string, unknown>): boolean {
  return (result as { exc_type?: unknown } | null)?.exc_type === 'ChordError'
}

function withoutGroupIds(tuple: [[string, unknown], unknown[] | null]): unknown {
  const [[id, parent], members] = tuple
  return members === null ? [[id, parent], null] : [['group', parent], members]
}

describe('workflows of Python', () => {
  let python: Left

  beforeAll(async () => {
    python = await runAll('aaaaaaaa', [there], shapes)
  })

  it('there are at least 60 of them', () => {
    expect(shapes.length).toBeGreaterThanOrEqual(60)
  })

  it.each([
    ['here', 'bbbbbbbb', () => [scene.queue]],
    ['here and there by turns', 'cccccccc', () => [scene.queue, there]],
  ] as const)('leave in Redis what they leave when they run in Celery: %s', async (_title, run, queues) => {
    const left = await runAll(run, queues(), shapes, run === 'bbbbbbbb' ? ['--all'] : [])
    for (const [index, shape] of shapes.entries()) {
      const [theirs, ours] = [resultsOf(index, python), resultsOf(index, left)]
      const title = JSON.stringify(shape)
      expect(theirs.size, title).toBeGreaterThan(0)
      // Who sends the body of a chord is who ends last, and with two workers that may be anybody.
      const orphaned = (value: unknown) =>
        queues().length > 1 && isMeta(value) ? { ...value, parent_id: null } : value
      for (const [key, value] of theirs) {
        // A chord that Celery never completes, because one in its header failed, is complete here.
        if (key.startsWith('group') && !ours.has(key)) continue
        // A chord that is itself a body has an id in Celery that nobody was told.
        if (key.endsWith('drawn') && !ours.has(key)) continue
        expect(orphaned(ours.get(key)), `${title}: ${key}`).toEqual(orphaned(value))
      }
      // Celery leaves those waiting who wait for what will never run.
      for (const [key, value] of ours) {
        if (!theirs.has(key) && !key.startsWith('group'))
          expect(value, `${title}: ${key}`).toMatchObject({ status: 'FAILURE' })
      }
    }
  })

  it('end here even where Celery 5.2 waits for ever', async () => {
    const left = await runAll('dddddddd', [scene.queue], tangled, ['--all'])
    const body = resultsOf(0, left)
    expect([...body.values()]).toContainEqual(
      expect.objectContaining({
        status: 'SUCCESS',
        result: [
          [
            ['n1'],
            [
              [['n2'], 'n3'],
              [['n2'], 'n4'],
            ],
          ],
          'n5',
        ],
      }),
    )
  })
})

describe('a task here', () => {
  let caller: PythonCaller

  beforeAll(async () => {
    caller = await PythonCaller.start({ broker: brokerUrl(), resultBackend: redis.url, queue: scene.queue })
  })

  afterAll(() => caller?.[Symbol.asyncDispose]())

  const ask = (expression: string): Promise<unknown> => {
    const names = 's=lambda name, *args: app.signature(name, args)'
    return caller.evaluate(`(lambda ${names}: (${expression})().get(timeout=60))()`)
  }

  it.each([
    ['a task', 's("replaced", "task", 1).apply_async', [1, 'one']],
    ['a chain', 's("replaced", "chain", 1).apply_async', [[1, 'one'], 'two']],
    ['a group', 's("replaced", "group", 1).apply_async', [[1, 'one'], [1, 'two']]],
    ['a chord', 's("replaced", "chord", 1).apply_async', [[[1, 'one'], [1, 'two']], 'body']],
    ['a task in a chain', 'chain(s("replaced", "task", 1), s("note", "next"))', [[1, 'one'], 'next']],
    ['a group in a chain', 'chain(s("replaced", "group", 1), s("note", "next"))', [[[1, 'one'], [1, 'two']], 'next']],
    ['a chain in a chord', 'chord([s("replaced", "chain", 1), s("note", 2)], s("note", "body"))', [[[[1, 'one'], 'two'], [2]], 'body']],
  ])('is replaced by %s', async (_title, expression, value) => {
    expect(await ask(expression)).toEqual(value)
  }) // biome-ignore format: one case a line

  it('is given one more beside it in its chord', async () => {
    const [parts, body] = (await ask('chord([s("grow", 1), s("note", 2)], s("note", "body"))')) as [Json[], string]
    expect([body, parts.map((part) => JSON.stringify(part)).sort()]).toEqual(['body', ['1', '["more"]', '[2]'].sort()])
  })

  it.each([
    ['chord', 'app.send_task("celery.chord", [[s("note", 1), s("note", 2)], s("note", "body")]).get', 'ids'],
    ['chain', 'app.send_task("celery.chain").get', 'NotImplementedError'],
  ])('answers to the name celery.%s as Celery does', async (_title, expression, expected) => {
    const answer = caller.evaluate(
      `(lambda s=lambda name, *args: app.signature(name, args): ${expression}(timeout=60))()`,
    )
    if (expected === 'ids') expect(await answer).toHaveLength(2)
    else await expect(answer).rejects.toMatchObject({ type: expected })
  })

  it('counts 100 tasks in a chord, and leaves nothing of it', async () => {
    const answer = await ask('chord([s("note", i) for i in range(100)], s("note", "body"))')
    expect(answer).toEqual([Array.from({ length: 100 }, (_, index) => [index]), 'body'])
    const left =
      '[key.decode() for key in app.backend.client.keys("celery-taskset-meta-*") if app.backend.client.type(key) == b"zset" and app.backend.client.zcard(key) > 50]'
    expect(await caller.evaluate(left)).toEqual([])
  })
})
