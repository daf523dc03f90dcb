import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { defineTask } from '../../src/tasks/define-task.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller, PythonError } from '../support/python-caller.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { Journal } from '../support/until.ts'

/** What `note` was called with, and the message that called it. */
interface Note {
  readonly args: readonly unknown[]
  readonly parentId: string | null
  readonly rootId: string
}

const notes = new Journal<Note>()

const tasks = [
  defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y }),
  defineTask({ name: 'mul', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x * y }),
  defineTask({ name: 'double', positional: ['x'], run: ({ x }: { x: number }) => 2 * x }),
  defineTask({
    name: 'boom',
    positional: ['message?'],
    run({ message = 'boom' }: { message?: string }): never {
      const error = new Error(message)
      error.name = 'ValueError'
      throw error
    },
  }),
  defineTask({
    name: 'note',
    positional: ['...args'],
    run({ args }: { args: readonly unknown[] }, { request }) {
      notes.push({ args, parentId: request.parentId, rootId: request.rootId })
    },
  }),
]

const python = uniqueName('python')
let scene: WorkerScene
let caller: PythonCaller
let celery: Program

beforeAll(async () => {
  scene = await aWorker(tasks)
  const settings = { broker: brokerUrl(), queue: scene.queue }
  caller = await PythonCaller.start(settings)
  celery = await startCeleryWorker(settings, { args: ['-Q', python] })
})

afterAll(async () => {
  await celery?.[Symbol.asyncDispose]()
  await caller?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

/** A Python expression with the tasks by name; `there` sends one to the Python worker. */
function ask(expression: string): Promise<unknown> {
  const names = 'add=app.tasks["add"], mul=app.tasks["mul"], boom=app.tasks["boom"], note=app.signature("note")'
  const there = `there=lambda task: task.set(queue="${python}")`
  return caller.evaluate(`(lambda ${names}, ${there}: ${expression})()`)
}

const values: readonly [title: string, expression: string, value: unknown][] = [
  ['a chain', 'chain(add.s(2, 2), add.s(3), mul.s(10))().get(timeout=30)', 70],
  ['an immutable step', 'chain(add.s(2, 2), add.si(1, 1))().get(timeout=30)', 2],
  ['a chain whose middle step runs in Python', 'chain(add.s(2, 2), there(add.s(3)), mul.s(10))().get(timeout=30)', 70],
  ['a chain that starts and ends in Python', 'chain(there(add.s(2, 2)), add.s(3), there(mul.s(10)))().get(timeout=30)', 70],
  ['the steps before the last', '(lambda r: [r.get(timeout=30), r.parent.get(timeout=30), r.parent.parent.get(timeout=30)])(chain(add.s(2, 2), add.s(3), mul.s(10))())', [70, 7, 4]],
  ['a group', 'group(add.s(i, i) for i in range(5))().get(timeout=30)', [0, 2, 4, 6, 8]],
  ['a group of chains', 'group(chain(add.s(i, 1), there(mul.s(2))) for i in range(3))().get(timeout=30)', [2, 4, 6]],
  ['a chain that ends in a group', 'chain(add.s(1, 1), group(add.s(1), there(mul.s(10))))().get(timeout=30)', [3, 20]],
  ['a map', 'xmap(app.signature("double"), [1, 2, 3]).apply_async().get(timeout=30)', [2, 4, 6]],
  ['a starmap', 'add.starmap([(1, 2), (3, 4)]).apply_async().get(timeout=30)', [3, 7]],
  ['chunks', 'add.chunks(zip(range(5), range(5)), 2)().get(timeout=30)', [[0, 2], [4, 6], [8]]],
  ['a starmap in a chain', 'chain(add.s(1, 1), add.starmap([(1, 2)]))().get(timeout=30)', [3]],
  ['what Celery always has', 'app.send_task("celery.accumulate", [1, 2, 3], {"index": -1}).get(timeout=30)', 3],
] // biome-ignore format: one case a line

describe('called from Python', () => {
  it.each(values)('%s has its value', async (_title, expression, value) => {
    expect(await ask(expression)).toEqual(value)
  })

  it('the result lists what was started', async () => {
    const [own, children, next] = (await ask(
      '(lambda r: [r.parent.get(timeout=30), [c.id for c in r.parent.children], r.id])(chain(add.s(2, 2), add.s(3))())',
    )) as [number, string[], string]
    expect([own, children]).toEqual([4, [next]])
  })

  it('a link runs with the result, several as a group', async () => {
    const id = await ask('add.apply_async((2, 3), link=[note.clone(("one",)), note.clone(("two",))]).id')
    const seen = await notes.untilCount(2, ({ parentId }) => parentId === id)
    expect(seen.map(({ args }) => args).sort()).toEqual([
      [5, 'one'],
      [5, 'two'],
    ])
    expect(seen.every(({ rootId }) => rootId === id)).toBe(true)
  })

  it('a link_error runs with the id of the task that failed', async () => {
    const id = await ask('boom.apply_async((), link_error=note.clone(("extra",))).id')
    expect((await notes.until(({ parentId }) => parentId === id)).args).toEqual([id, 'extra'])
  })

  it.each([
    ['a chain', 'chain(add.s(1, 1), boom.si("bad"), add.s(3), add.s(4))()'],
    ['a chain that was to go on in Python', 'chain(boom.si("bad"), there(add.s(3)))()'],
    ['a chain that was to end in a group', 'chain(boom.si("bad"), group(add.s(3), add.s(4)))()'],
    ['a starmap', 'boom.starmap([("bad",)]).apply_async()'],
  ])('the error of %s reaches whoever waits for its end', async (_title, expression) => {
    const failure = ask(`(${expression}).get(timeout=30)`)
    await expect(failure).rejects.toThrow(PythonError)
    await expect(failure).rejects.toMatchObject({ type: 'ValueError', message: 'bad' })
  })

  it('a task fails whose link is none', async () => {
    const failure = ask('app.send_task("add", [1, 1], link=[{"no": "task"}]).get(timeout=30)')
    await expect(failure).rejects.toMatchObject({ type: 'InvalidTaskError' })
  })

  it('a chord that is polled fails where results can not be read, and the log says why', async () => {
    const id = await caller.sendTask('celery.chord_unlock', ['group', { task: 'note' }], { kwargs: { result: [] } })
    expect(await scene.log.until(({ event, task_id }) => event === 'task.failed' && task_id === id)).toMatchObject({
      error: { message: expect.stringContaining("results can't be read with rpc, so no chord can be polled") },
    })
  })

  it('a map of a task that nobody has fails', async () => {
    const failure = ask('xmap(app.signature("nobody.has.it"), [1]).apply_async().get(timeout=30)')
    await expect(failure).rejects.toMatchObject({ type: 'NotRegistered', args: ['nobody.has.it'] })
  })

  it('a chain with a task that nobody has tells whoever waits for its end', async () => {
    const failure = ask('chain(add.s(1, 1), app.signature("nobody.has.it"), add.s(2))().get(timeout=30)')
    await expect(failure).rejects.toMatchObject({ type: 'NotRegistered', args: ['nobody.has.it'] })
  })

  it.each([
    ['leads nowhere', 'exchange="amq.direct", routing_key="nowhere"', 'OperationalError'],
    ['goes to an exchange that there is not', 'exchange="not.there", routing_key="a"', 'OperationalError'],
    ['goes to a queue that there can not be', 'queue="amq.reserved"', 'OperationalError'],
    ['has headers that fit nowhere', 'headers={"x": "y" * 200_000}', 'EncodeError'],
    ['is to start after the end of time', 'countdown=1e300', 'EncodeError'],
  ])('a task fails whose link %s', async (_title, options, type) => {
    const failure = ask(`add.apply_async((1, 1), link=note.clone().set(${options})).get(timeout=30)`)
    await expect(failure).rejects.toMatchObject({ type })
  })
})
