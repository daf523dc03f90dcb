import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { type Composed, signature } from '../../src/canvas/signature.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { AnyHandle } from '../../src/tasks/sending.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import { type RedisServer, startRedis } from '../support/provision/redis.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { Journal } from '../support/until.ts'

/** The labels that `count` was called with. */
const counts = new Journal<string>()

const tasks = [
  defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y }),
  defineTask({ name: 'total', positional: ['numbers'], run: () => 0 }),
  defineTask({
    name: 'boom',
    run(): never {
      throw new Error('boom')
    },
  }),
  defineTask({ name: 'count', positional: ['label'], run: ({ label }: { label: string }) => void counts.push(label) }),
]

const ok = () => signature('add', [1, 1])
const bad = () => signature('boom')
const body = () => signature('total')
const failing = () => chord([ok(), bad()], body())

/** Chords of which something fails, and how often Celery's workers call the errback of the outermost one. */
const shapes: readonly [title: string, canvas: Composed<AnyHandle>, python: string, calls: number][] = [
  ['a chord', failing(), 'chord([ok, bad], body)', 1],
  ['a chord with a chord in it that fails', chord(group([ok(), failing()]), body()), 'chord(group([ok, chord([ok, bad], body)]), body)', 1],
  ['a chord with two in it that fail', chord([failing(), failing()], body()), 'chord([chord([ok, bad], body), chord([ok, bad], body)], body)', 2],
  ['a chord in a chord in a chord', chord([ok(), chord([ok(), failing()], body())], body()), 'chord([ok, chord([ok, chord([ok, bad], body)], body)], body)', 1],
  ['a chord of which a task and a chord fail', chord([bad(), failing()], body()), 'chord([bad, chord([ok, bad], body)], body)', 2],
  ['a chord with one in it that does not fail', chord([bad(), chord([ok(), ok()], body())], body()), 'chord([bad, chord([ok, ok], body)], body)', 1],
] // biome-ignore format: one case a line

let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis?.[Symbol.asyncDispose]())

describe.each([
  ['in Redis', () => redis.url],
  ['with rpc', () => 'rpc'],
])('the errback of a chord whose results are kept %s', (_title, backend) => {
  let scene: WorkerScene
  let client: Client

  beforeAll(async () => {
    // One at a time: what is sent after an errback runs after it.
    scene = await aWorker(tasks, { resultBackend: backend(), concurrency: 1 })
    client = createClient({ broker: brokerUrl(), queue: scene.queue, resultBackend: backend() })
  })
  afterAll(async () => {
    await client?.close()
    await scene?.[Symbol.asyncDispose]()
  })

  it.each(shapes)('%s is called as often as by Celery', async (title, canvas, _python, calls) => {
    const errback = signature('count', [title], { immutable: true })
    const handle = await client.send(canvas.set({ linkError: errback }))
    await expect(handle.result({ timeout: '60s' })).rejects.toThrow('ChordError')
    await (await client.send('count', ['end'])).result({ timeout: '60s' })
    expect(counts.entries.splice(0)).toEqual([...Array.from({ length: calls }, () => title), 'end'])
  })

  it('of the body alone is called also where a chord inside fails, whose body has none', async () => {
    const errback = signature('count', ['outer'], { immutable: true })
    const handle = await client.send(chord([ok(), failing()], body().set({ linkError: errback })))
    await expect(handle.result({ timeout: '60s' })).rejects.toThrow('ChordError')
    await (await client.send('count', ['end'])).result({ timeout: '60s' })
    expect(counts.entries.splice(0)).toEqual(['outer', 'end'])
  })
})

describe('where Python takes part', () => {
  let caller: PythonCaller
  let scene: WorkerScene

  beforeAll(async () => {
    scene = await aWorker(tasks, { resultBackend: redis.url, concurrency: 1 })
    caller = await PythonCaller.start({ broker: brokerUrl(), queue: scene.queue, resultBackend: redis.url })
  })
  afterAll(async () => {
    await caller?.[Symbol.asyncDispose]()
    await scene?.[Symbol.asyncDispose]()
  })

  it.each(shapes)('the errback that it links to %s is called as often as by its own workers', async (title, _canvas, python, calls) => {
    const names = 'ok=app.signature("add", [1, 1]), bad=app.signature("boom"), body=app.signature("total")'
    const sent = `(lambda c: (c.link_error(app.signature("count", [${JSON.stringify(title)}], immutable=True)), c())[1])(${python})`
    const ended = await caller.evaluate(`(lambda ${names}: type(${sent}.get(timeout=60, propagate=False)).__name__)()`)
    expect(ended).toBe('ChordError')
    await caller.evaluate('app.send_task("count", ["end"]).get(timeout=60)')
    expect(counts.entries.splice(0)).toEqual([...Array.from({ length: calls }, () => title), 'end'])
  }) // biome-ignore format: the title is a sentence

  it('the result of the body lists the errbacks among its children', async () => {
    const linked = 'body.on_error(app.signature("count", ["child"], immutable=True))'
    const names = 'ok=app.signature("add", [1, 1]), bad=app.signature("boom"), body=app.signature("total")'
    const children = await caller.evaluate(
      `(lambda ${names}: (lambda r: [r.get(timeout=60, propagate=False) and None, [type(c).__name__ + str(len(c)) for c in r.children]][1])(chord([ok, bad], ${linked})()))()`,
    )
    expect(children).toEqual(['GroupResult1'])
    expect(await counts.until(() => true)).toBe('child')
    counts.entries.splice(0)
  })

  it('it calls the errback of a chord inside one that TypeScript sent', async () => {
    const python = uniqueName('python')
    const settings = { broker: brokerUrl(), queue: scene.queue, resultBackend: redis.url }
    await using _celery = await startCeleryWorker(settings, { args: ['-Q', python] })
    await using client = createClient({ broker: brokerUrl(), queue: scene.queue, resultBackend: redis.url })
    const there = { queue: python }
    const add = signature('add', [1, 1]).set(there)
    const inner = chord([add, signature('boom').set(there)], signature('total').set(there))
    const errback = signature('count', ['inner'], { immutable: true, queue: scene.queue })
    await client.send(chord(group([add, inner]), signature('total').set(there)).set({ linkError: errback }))
    expect(await counts.until(() => true)).toBe('inner')
  })
})
