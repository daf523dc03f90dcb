import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import type { Client } from '../../src/client/create-client.ts'
import { RemoteTaskError } from '../../src/protocol/result/remote-task-error.ts'
import type { ResultRecord } from '../../src/protocol/result-record.ts'
import type { Json } from '../../src/runtime/json.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import type { FaultProxy } from '../support/fault-proxy.ts'
import { pollUntil } from '../support/until.ts'

/** A worker whose results go through a backend, and clients that read them. */
export interface ResultsScene extends AsyncDisposable {
  /** Sends what the tests send. */
  readonly client: Client
  /** Has sent nothing. */
  readonly stranger: Client
  /** Lets what is due in this many milliseconds come to pass, where time is not real. */
  pass(ms: number): Promise<void>
  /** Stands between the worker and where its results go, where there is a network. */
  readonly network?: FaultProxy
}

/** What a backend promises beyond what all do. */
export interface ResultsKind {
  /** True where results are kept for whoever asks, false where they are sent to who sent the task. */
  readonly kept: boolean
  /** Starts a worker for these tasks. */
  open(tasks: readonly AnyTask[], config: { readonly maxResultSize: number }): Promise<ResultsScene>
}

const VALUES: readonly (readonly [string, Json])[] = [
  ['null', null],
  ['texts', ['', 'é😀', '\u0000"\\', '__type__']],
  ['numbers', [0, -1.5, 1e300, Number.MAX_SAFE_INTEGER]],
  ['whole numbers beyond those', [2n ** 64n]],
  ['nested values', { a: [{ b: [[]] }], '': {} }],
  ['what JSON has a tag for', { at: new Date(Date.UTC(2026, 0, 2, 3, 4, 5, 678)) } as unknown as Json],
]

/** The task of that name runs, and may end. */
const held = { started: deferred<void>(), end: deferred<string>() }

const TASKS = [
  defineTask({ name: 'echo', positional: ['...args'], run: ({ args }: { args: readonly Json[] }) => args }),
  defineTask({
    name: 'boom',
    run() {
      throw new RemoteTaskError({
        type: 'ValueError',
        module: 'builtins',
        args: ['bad', { at: [42] }],
        traceback: null,
      })
    },
  }),
  defineTask({
    name: 'own error',
    run() {
      throw Object.assign(new Error('broken'), { name: 'Broken' })
    },
  }),
  defineTask({
    name: 'states',
    trackStarted: true,
    async run(_: object, ctx) {
      if (ctx.request.retries > 0) return 'done'
      await ctx.progress({ current: 1, total: 2 })
      await ctx.updateState('PACKING', { box: 2 })
      await ctx.send('echo', ['child'], { taskId: `child of ${ctx.request.id}` })
      return ctx.retry({ countdown: 5, cause: Object.assign(new Error('again'), { name: 'TypeError' }) })
    },
  }),
  defineTask({
    name: 'parent',
    async run(_: object, ctx) {
      const one = await ctx.send('echo', ['one'])
      const two = await ctx.send(group(signature('echo', ['two']), signature('echo', ['three'])))
      return [one.id, two.id, ...two.handles.map(({ id }) => id)]
    },
  }),
  defineTask({
    name: 'held',
    run() {
      held.started.resolve()
      return held.end.promise
    },
  }),
  defineTask({ name: 'no value', run: () => undefined }),
  defineTask({ name: 'unserialisable', run: () => (() => 1) as unknown }),
  defineTask({ name: 'large', run: () => 'x'.repeat(20_000) }),
]

/**
 * What every result backend behind the seam must do, between a real worker and a real client: rpc through RabbitMQ and in
 * this process, and Redis.
 */
export function describeResults(name: string, kind: ResultsKind): void {
  describe(`results in ${name}`, () => {
    let scene: ResultsScene
    beforeAll(async () => {
      scene = await kind.open(TASKS, { maxResultSize: 10_000 })
    })
    afterAll(() => scene?.[Symbol.asyncDispose]())

    const failure = (task: string) => scene.client.send(task).then((handle) => handle.result({ timeout: '60s' }))

    it.each(VALUES)('are read as they were returned: %s', async (_title, value) => {
      const handle = await scene.client.send('echo', [value])
      expect(await handle.result({ timeout: '60s' })).toEqual([value])
      expect(await handle.state()).toBe('SUCCESS')
    })

    it('are null where a task returns nothing', async () => {
      expect(await (await scene.client.send('no value')).result({ timeout: '60s' })).toBeNull()
    })

    it('tell of every state in order, with what it says and what the task had sent until then', async () => {
      // Not before somebody looks: a backend that keeps results shows the latest to whoever comes.
      const handle = await scene.client.send('states', [], { countdown: 500 })
      const seen: ResultRecord[] = []
      const states = handle.states()
      const passed = scene.pass(500)
      for await (const record of states) {
        seen.push(record)
        if (record.state === 'RETRY') await scene.pass(10)
      }
      await passed
      const child = [[[`child of ${handle.id}`, null], null]]
      const again = { type: 'TypeError', module: 'builtins', args: ['again'] }
      expect(seen).toMatchObject([
        { state: 'STARTED', result: { pid: expect.any(Number), hostname: expect.any(String) }, children: [] },
        { state: 'PROGRESS', result: { current: 1, total: 2 }, children: [] },
        { state: 'PACKING', result: { box: 2 }, children: [] },
        { state: 'RETRY', error: again, traceback: expect.stringContaining('again'), children: child },
        { state: 'STARTED' },
        // As in Celery: what an earlier attempt has sent is no child of this one.
        { state: 'SUCCESS', result: 'done', traceback: null, children: [] },
      ])
      expect(await handle.result()).toBe('done')
    })

    it.each([
      ['of Python’s', 'boom', { type: 'ValueError', module: 'builtins', args: ['bad', { at: [42] }] }],
      ['of its own', 'own error', { type: 'Broken', args: ['broken'] }],
    ])('tell of an error %s with its class, its arguments and its traceback', async (_title, task, error) => {
      const cause = { ...error, traceback: expect.stringMatching(/\S/) }
      await expect(failure(task)).rejects.toMatchObject({ code: 'TWQ_TASK_FAILED', cause })
    })

    it('list what the task has sent', async () => {
      const handle = await scene.client.send('parent')
      const [one, two, ...members] = (await handle.result({ timeout: '60s' })) as string[]
      const records: ResultRecord[] = []
      for await (const record of handle.states()) records.push(record)
      expect(records.at(-1)?.children).toEqual([
        [[one, null], null],
        [[two, null], members.map((id) => [[id, null], null])],
      ])
    })

    it.each(['unserialisable', 'large'])('say why a value can not be one: %s', async (task) => {
      await expect(failure(task)).rejects.toMatchObject({
        code: 'TWQ_TASK_FAILED',
        cause: { type: 'EncodeError', module: 'kombu.exceptions', message: expect.stringContaining("can't be sent") },
      })
    })

    it('come of every step of a chain and every member of a group, also when they are asked for late', async () => {
      const members = group(signature('echo', [2]), signature('echo', [3]))
      const handle = await scene.client.send(chain(signature('echo', [1]), members))
      expect(await handle.result({ timeout: '60s' })).toEqual([
        [[1], 2],
        [[1], 3],
      ])
      expect(await handle.parent.result({ timeout: '60s' })).toEqual([1])
    })

    it('are told apart, a hundred at once', async () => {
      const handles = await Promise.all(Array.from({ length: 100 }, (_, index) => scene.client.send('echo', [index])))
      const results = await Promise.all(handles.map((handle) => handle.result({ timeout: '60s' })))
      expect(results).toEqual(handles.map((_, index) => [index]))
    })

    it('come though the connection was away when the task ended', async () => {
      const { network } = scene
      const handle = await scene.client.send('held')
      await held.started.promise
      const accepted = network?.accepted ?? -1
      network?.refuse()
      network?.reset()
      held.end.resolve('held')
      const attempts = async (): Promise<number> => network?.accepted ?? 0
      await pollUntil('an attempt to connect', attempts, (seen) => seen > accepted)
      network?.heal()
      expect(await handle.result({ timeout: '120s' })).toBe('held')
    })

    it('are none where nobody wants them', async () => {
      const silent = await scene.client.send('echo', [1], { ignoreResult: true })
      await (await scene.client.send('echo')).result({ timeout: '60s' })
      expect(await silent.state()).toBe('PENDING')
      await expect(silent.result({ timeout: '60s' })).rejects.toMatchObject(UNAVAILABLE)
    })

    it('are no longer there once they are forgotten', async () => {
      const handle = await scene.client.send('echo', [1])
      await handle.result({ timeout: '60s' })
      await scene.client.forget(handle.id)
      if (kind.kept) expect(await scene.client.result(handle.id).state()).toBe('PENDING')
      else expect(() => scene.client.result(handle.id)).toThrow(expect.objectContaining(UNAVAILABLE))
    })

    it('are for whoever asks where they are kept, and else for who sent the task, which is said', async () => {
      const [done, failed] = [await scene.client.send('echo', [1]), await scene.client.send('boom')]
      await done.result({ timeout: '60s' })
      if (!kind.kept) {
        expect(() => scene.stranger.result(done.id)).toThrow(expect.objectContaining(UNAVAILABLE))
        return
      }
      expect(await scene.stranger.result(done.id).result({ timeout: '60s' })).toEqual([1])
      const error = { code: 'TWQ_TASK_FAILED', cause: { type: 'ValueError' } }
      await expect(scene.stranger.result(failed.id).result({ timeout: '60s' })).rejects.toMatchObject(error)
      expect(await scene.stranger.result('never sent').record()).toBeUndefined()
    })

    it('of a group are saved, restored and deleted where they are kept', async () => {
      const sent = await scene.client.send(group(signature('echo', [1]), signature('echo', [2])))
      if (!kind.kept) {
        await expect(scene.client.saveGroup(sent)).rejects.toMatchObject(UNAVAILABLE)
        await expect(scene.stranger.restoreGroup(sent.id)).rejects.toMatchObject(UNAVAILABLE)
        return
      }
      await scene.client.saveGroup(sent)
      const restored = await scene.stranger.restoreGroup(sent.id)
      expect(await restored?.result({ timeout: '60s' })).toEqual([[1], [2]])
      await scene.stranger.deleteGroup(sent.id)
      expect(await scene.client.restoreGroup(sent.id)).toBeUndefined()
    })
  })
}

const UNAVAILABLE = { code: 'TWQ_RESULT_UNAVAILABLE' }
