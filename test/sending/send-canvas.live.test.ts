import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { TwqError } from '../../src/errors.ts'
import { chordQueue, JOIN_QUEUE } from '../../src/protocol/chord/queued-chord.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { AnyHandle, Canvas, GroupHandle } from '../../src/tasks/sending.ts'
import { aWorker, type WorkerScene } from '../support/a-worker.ts'
import type { Program } from '../support/program.ts'
import { startCeleryWorker } from '../support/python.ts'
import { queueOnce, withChannel } from '../support/raw-broker.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker } from '../support/twq-worker.ts'
import { Journal } from '../support/until.ts'

/** What `note` was called with. */
const notes = new Journal<{
  readonly args: readonly unknown[]
  readonly rootId: string
  readonly parentId: string | null
  readonly group: string | null
}>()

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })
const mul = defineTask({ name: 'mul', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x * y })
const total = defineTask({
  name: 'total',
  positional: ['numbers'],
  run: ({ numbers }: { numbers: readonly number[] }) => numbers.flat().reduce((sum, number) => sum + number, 0),
})
/** As the Python worker's. */
const echo = defineTask({
  name: 'echo',
  positional: ['...args'],
  run: ({ args }: { args: readonly unknown[] }) => ({ args, kwargs: {} }),
})
const echoed = (value: unknown) => ({ args: [value], kwargs: {} })
const note = defineTask({
  name: 'note',
  positional: ['...args'],
  run({ args }: { args: readonly unknown[] }, { request: { rootId, parentId, group } }) {
    notes.push({ args, rootId, parentId, group })
  },
})
const boom = defineTask({
  name: 'boom',
  positional: ['message?'],
  run({ message = 'boom' }: { message?: string }): never {
    throw Object.assign(new Error(message), { name: 'ValueError' })
  },
})
/** Sends a workflow as its children, and answers with the id of its end. */
const parent = defineTask({
  name: 'parent',
  async run(_args: object, ctx) {
    return (await ctx.send(chord([signature(add, [1, 1]), signature(add, [2, 2])], signature(note)))).parent.id
  },
})

/** Has a group, or a chord, of two sums run in its place. */
const stand = defineTask({
  name: 'stand',
  positional: ['...args'],
  run({ args }: { args: readonly unknown[] }, ctx): never {
    const sums = [signature(add, [1, 1]), signature(add, [2, 2])]
    const inner = chord(sums, signature(total))
    switch (args.at(-1)) {
      case 'group':
        return ctx.replace(group(sums).toJSON())
      case 'nested':
        return ctx.replace(chord([inner, ...sums], signature(total)).toJSON())
      case 'failing':
        return ctx.replace(chord([...sums, signature(boom)], signature(total)).toJSON())
      default:
        return ctx.replace(inner.toJSON())
    }
  },
})

const python = uniqueName('python')
let scene: WorkerScene
let celery: Program

beforeAll(async () => {
  scene = await aWorker([add, mul, total, echo, note, boom, parent, stand], { concurrency: 1 })
  celery = await startCeleryWorker({ broker: brokerUrl(), queue: scene.queue }, { args: ['-Q', python] })
})

afterAll(async () => {
  await celery?.[Symbol.asyncDispose]()
  await scene?.[Symbol.asyncDispose]()
})

const sum = (x: number, y: number) => signature(add, [x, y])
const patience = { timeout: '60s' }

async function resultOf(canvas: Canvas<AnyHandle>): Promise<unknown> {
  return await (await scene.client.send(canvas)).result(patience)
}

/** Where each step runs: all here, all in Python, or in turn. */
const places: readonly [title: string, queueOf: (step: number) => string | undefined][] = [
  ['by this worker alone', () => undefined],
  ['by a Python worker', () => python],
  ['by both in turn', (step) => (step % 2 === 0 ? python : undefined)],
]

describe.each(places)('a workflow that is run %s', (_title, queueOf) => {
  const at = <C extends Canvas>(step: number, canvas: C & { set(options: { queue: string }): C }): C => {
    const queue = queueOf(step)
    return queue === undefined ? canvas : canvas.set({ queue })
  }

  it('a chain has the result of its last step, and those before', async () => {
    const handle = await scene.client.send(
      chain(at(0, sum(2, 2)), at(1, signature(add, [3])), at(2, signature(mul, [10]))),
    )
    expect(await handle.result(patience)).toBe(70)
    expect([await handle.parent.result(patience), await handle.parent.parent.result(patience)]).toEqual([7, 4])
  })

  it('an immutable step is called as it stands', async () => {
    const second = at(1, signature(add, [1, 1], { immutable: true }))
    expect(await resultOf(chain(at(0, sum(2, 2)), second))).toBe(2)
  })

  it('a group has the results of its members, in order', async () => {
    const handle = await scene.client.send(group([0, 1, 2].map((i) => at(i, sum(i, i)))))
    expect(await handle.result(patience)).toEqual([0, 2, 4])
    expect(await handle.completed()).toBe(3)
  })

  it('a group may hold chains, and end a chain', async () => {
    const chains = [1, 2].map((i) => chain(at(0, sum(i, i)), at(1, signature(mul, [10]))))
    expect(await resultOf(group(chains))).toEqual([20, 40])
    const both = group(at(1, signature(add, [1])), at(2, signature(mul, [10])))
    expect(await resultOf(chain(at(0, sum(1, 1)), both))).toEqual([3, 20])
  })

  it('a chord calls its body with the results of its header', async () => {
    const canvas = chord(
      [0, 1, 2].map((i) => at(i, sum(i, i))),
      at(1, signature('echo')),
    )
    expect(await resultOf(canvas)).toEqual(echoed([0, 2, 4]))
  })

  it('a chord may stand in a chain, and hold chains', async () => {
    const header = group(at(1, signature(add, [1])), chain(at(2, signature(add, [2])), at(0, signature(mul, [10]))))
    expect(await resultOf(chain(at(0, sum(1, 1)), header, at(1, signature('echo')), at(2, signature('echo'))))).toEqual(
      echoed(echoed([3, 40])),
    )
  })

  it('a chord may hold chords', async () => {
    const inner = chord([at(0, sum(1, 1)), at(1, sum(2, 2))], at(2, signature('echo')))
    expect(await resultOf(chord([inner, at(2, sum(5, 5))], at(0, signature('echo'))))).toEqual(
      echoed([echoed([2, 4]), 10]),
    )
  })

  it('a chord may hold chords behind a step of a chain, at any depth', async () => {
    const fixed = (value: number) => signature(add, [value, 0], { immutable: true })
    const inner = (step: number) => chord([at(step, fixed(1)), at(step + 1, fixed(2))], at(step, signature(total)))
    const outer = chord([inner(1), inner(2), at(0, fixed(5))], at(1, signature(total)))
    expect(await resultOf(chain(at(0, sum(1, 1)), at(1, signature(total, [[4]], { immutable: true })), outer))).toBe(11)
    expect(await resultOf(chain(at(1, sum(1, 1)), chord([outer, inner(0)], at(0, signature(total)))))).toBe(14)
    const chained = chord([chain(at(0, fixed(2)), inner(1)), inner(2)], at(2, signature(total)))
    expect(await resultOf(chain(at(2, sum(1, 1)), chained, at(0, signature(add, [10]))))).toBe(16)
  })

  it('a step that fails before a chord of chords fails all of them', async () => {
    const inner = chord([at(0, sum(1, 1)), at(1, sum(2, 2))], at(2, signature(total)))
    const handle = await scene.client.send(
      chain(at(1, signature(boom)), chord([inner, at(0, sum(5, 5))], at(1, signature(total)))),
    )
    await expect(handle.result(patience)).rejects.toThrow('boom')
  })

  it('the failure of a member fails the body, with its reason', async () => {
    const handle = await scene.client.send(
      chord([at(0, sum(1, 1)), at(1, signature('boom', ['bad']))], signature(total)),
    )
    const failure = await handle.result(patience).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'TWQ_TASK_FAILED', cause: { name: 'ChordError' } })
    expect(String(failure)).toMatch(/Dependency .* raised ValueError\('bad'\)/)
  })

  it('a task may be replaced by a group or a chord, wherever it stands', async () => {
    const stands = (how: string) => signature(stand, [how], { immutable: true })
    expect(await resultOf(stands('chord'))).toBe(6)
    expect(await resultOf(stands('group'))).toEqual([2, 4])
    expect(await resultOf(stands('nested'))).toBe(12)
    expect(
      await resultOf(chain(at(0, sum(1, 1)), stands('chord'), at(1, signature(add, [1])), at(2, signature(mul, [2])))),
    ).toBe(14)
    expect(await resultOf(group(stands('chord'), at(1, sum(1, 1)), stands('group')))).toEqual([6, 2, [2, 4]])
    expect(await resultOf(chord([stands('chord'), at(1, sum(5, 5)), stands('nested')], at(0, signature(total))))).toBe(
      28,
    )
    expect(
      await resultOf(chain(at(2, sum(1, 1)), chord([stands('nested'), stands('chord')], at(1, signature(total))))),
    ).toBe(18)
    const callback = signature(note, [], { queue: scene.queue })
    const handle = await scene.client.send(stands('chord').set({ link: callback }))
    expect((await notes.until(({ rootId }) => rootId === handle.id)).args).toEqual([6])
    const failed = stands('failing').set({ linkError: callback })
    const failing = await scene.client.send(failed)
    await expect(failing.result(patience)).rejects.toThrow('ChordError')
    expect((await notes.until(({ rootId }) => rootId === failing.id)).args).toEqual([failing.id])
    await expect(resultOf(chain(stands('failing'), at(0, signature(add, [1]))))).rejects.toThrow('ChordError')
  })

  it('a step that fails ends a chain before its chord', async () => {
    const canvas = chain(at(0, signature('boom', ['bad'])), group(sum(1, 1), sum(2, 2)), signature(total))
    const failure = await resultOf(canvas).catch((error: unknown) => error)
    expect(String(failure)).toContain("ValueError('bad')")
  })
})

describe('a chord without Redis', () => {
  it('leaves nothing behind', async () => {
    const handle = await scene.client.send(chord([sum(1, 1), sum(2, 2)], signature(total)))
    expect(await handle.result(patience)).toBe(6)
    const { id } = handle.parent
    await scene.log.until((record) => record.event === 'chord.joined' && record.group === id)
    const inspected = withChannel((channel) => channel.inspectQueue(chordQueue(id)))
    await expect(inspected).rejects.toMatchObject({ code: 'TWQ_QUEUE_MISSING' })
  })

  it('runs its body in the group of the header, as a child of the last of it', async () => {
    const handle = await scene.client.send(chord([sum(1, 1), sum(2, 2)], signature(note)))
    await handle.result(patience)
    const seen = await notes.until(({ group: id }) => id === handle.parent.id)
    const ids = handle.parent.handles.map(({ id }) => id)
    expect(seen.args).toEqual([[2, 4]])
    expect(ids).toContain(seen.parentId)
    expect(ids).toContain(seen.rootId)
  })

  it('without a header runs its body at once', async () => {
    expect(await resultOf(chord([], signature('echo')))).toEqual(echoed([]))
  })

  it('gives a group that ends a chain in its header as a list', async () => {
    const inner = chain(sum(1, 1), group(signature(add, [1]), signature(add, [2])))
    expect(await resultOf(chord([inner, sum(5, 5)], signature('echo')))).toEqual(echoed([[3, 4], 10]))
  })

  it('calls the errbacks of its body with its id when it fails', async () => {
    const body = signature(total).set({ linkError: signature(note, ['errback']) })
    const handle = await scene.client.send(chord([signature(boom), sum(1, 1)], body))
    await expect(handle.result(patience)).rejects.toMatchObject({ code: 'TWQ_TASK_FAILED' })
    expect((await notes.until(({ args }) => args.at(-1) === 'errback')).args).toEqual([handle.id, 'errback'])
  })

  it('is of the tree of the task that sends it', async () => {
    const handle = await scene.client.send(signature(parent))
    const group = await handle.result(patience)
    const seen = await notes.until((note) => note.group === group)
    expect(seen).toMatchObject({ args: [[2, 4]], rootId: handle.id })
  })

  it('does not let the results of its header be read', async () => {
    const handle = await scene.client.send(chord([sum(1, 1)], signature(total)))
    await expect(handle.parent.result(patience)).rejects.toMatchObject({ code: 'TWQ_RESULT_UNAVAILABLE' })
    expect(await handle.result(patience)).toBe(2)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['results are nobody’s', () => withoutResults((client) => client.send(chord([sum(1, 1)], signature(total))))],
    ['a member gives no result', () => resultOf(chord([sum(1, 1).set({ ignoreResult: true })], signature(total)))],
    ['it stands in a link', () => resultOf(sum(1, 1).set({ link: chord([sum(1, 1)], signature(total)) }))],
  ])('is refused where %s', async (_title, send) => {
    await expect(send()).rejects.toSatisfy((error) => TwqError.is(error, 'TWQ_CHORD_UNSUPPORTED'))
  })
})

async function withoutResults<T>(use: (client: Client) => Promise<T>): Promise<T> {
  const client = createClient({ broker: brokerUrl(), resultBackend: 'none' })
  try {
    return await use(client)
  } finally {
    await client.close()
  }
}

describe('a group', () => {
  it('fails with the first of its failures, or tells of all', async () => {
    const handle = (await scene.client.send(group(sum(1, 1), signature(boom)))) as GroupHandle
    await expect(handle.result(patience)).rejects.toMatchObject({ code: 'TWQ_TASK_FAILED' })
    expect(await handle.settled(patience)).toMatchObject([{ status: 'fulfilled', value: 2 }, { status: 'rejected' }])
  })

  it('is not waited for any longer than asked', async () => {
    const handle = await scene.client.send(group(sum(1, 1).set({ queue: uniqueName('nobody') })))
    await expect(handle.result({ timeout: 50 })).rejects.toMatchObject({ code: 'TWQ_RESULT_TIMEOUT' })
    await expect(handle.settled({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  })
})

describe('a worker that joins', () => {
  it('is replaced by the next when it is killed', async () => {
    const slow = uniqueName('slow')
    const worker = () =>
      startTwqWorker({
        broker: brokerUrl(),
        tasks: "import { defineTask } from 'twq'\nexport const idle = defineTask({ name: 'idle', run() {} })\n",
        args: ['--queues', uniqueName('other'), '--loglevel', 'debug'],
      })
    await scene.worker.stop('warm')
    await using first = await worker()
    const canvas = chord(
      [sum(1, 1).set({ queue: slow }), sum(2, 2).set({ queue: slow })],
      signature(total).set({ queue: slow }),
    )
    const handle = await scene.client.send(canvas)
    await first.until('chord.held', { group: handle.parent.id })
    first.signal('SIGKILL')
    await first.exit
    await using second = await worker()
    await second.until('chord.held', { group: handle.parent.id })
    await using others = await aWorker([add, total], { queues: [slow] })
    expect(await handle.result(patience)).toBe(6)
    second.signal('SIGTERM')
    await second.exit
    expect((await queueOnce(JOIN_QUEUE, () => true)).messages).toBe(0)
    void others
  })
})
