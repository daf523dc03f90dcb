import { describe, expect, it, onTestFinished } from 'vitest'
import type { Node } from '../../src/canvas/node.ts'
import { TwqError } from '../../src/errors.ts'
import { RemoteTaskError } from '../../src/protocol/result/remote-task-error.ts'
import type { ResultRecord, State } from '../../src/protocol/result-record.ts'
import { ResultFeed } from '../../src/results/result-feed.ts'
import type { Json } from '../../src/runtime/json.ts'
import { handleOf, type SentGroup } from '../../src/sending/sent-canvas.ts'
import { SentTask } from '../../src/sending/task-handle.ts'

const base = { taskId: 'id-1', traceback: null, children: [] }
const success = (result: Json): ResultRecord => ({ ...base, state: 'SUCCESS', result })
const progress = (result: Json): ResultRecord => ({ ...base, state: 'PROGRESS' as State, result }) as ResultRecord
const failure = (state: 'FAILURE' | 'REVOKED', type: string, ...args: Json[]): ResultRecord => ({
  ...base,
  state,
  error: { type, module: 'builtins', args, traceback: null },
})

const aHandle = () => {
  const feed = new ResultFeed()
  return { feed, handle: new SentTask('id-1', 'add', feed) }
}

describe("a handle's result", () => {
  it('is the value, whether it came before or comes after the question', async () => {
    const { feed, handle } = aHandle()
    const asked = handle.result()
    feed.push(progress({ current: 1 }))
    feed.push(success(5))
    expect(await asked).toBe(5)
    expect(await handle.result()).toBe(5)
  })

  it('stays what came first', async () => {
    const { feed, handle } = aHandle()
    feed.push(success(5))
    feed.push(failure('FAILURE', 'ValueError'))
    expect(await handle.result()).toBe(5)
    expect(await handle.state()).toBe('SUCCESS')
  })

  it.each([
    ['FAILURE' as const, 'ValueError', /^add\[id-1\] failed: ValueError\('boom', 42\)$/],
    ['REVOKED' as const, 'TaskRevokedError', /^add\[id-1\] was revoked: TaskRevokedError\('boom', 42\)$/],
  ])('is an error for %s, with the remote one as its cause', async (state, type, message) => {
    const { feed, handle } = aHandle()
    feed.push(failure(state, type, 'boom', 42))
    const error = await handle.result().catch((thrown: unknown) => thrown)
    if (!TwqError.is(error, 'TWQ_TASK_FAILED')) throw error
    expect(error.message).toMatch(message)
    expect(error.cause).toBeInstanceOf(RemoteTaskError)
    expect(error.cause).toMatchObject({ type, args: ['boom', 42] })
  })

  it('is a time-out that names the newest state', async () => {
    const { feed, handle } = aHandle()
    feed.push(progress(1))
    await expect(handle.result({ timeout: 1 })).rejects.toMatchObject({
      code: 'TWQ_RESULT_TIMEOUT',
      message: 'add[id-1] has no result after 1 ms',
      hint: 'Its state is PROGRESS',
    })
    await expect(handle.result({ timeout: '1ms' })).rejects.toThrow('no result after 1ms')
    expect(feed.hasListeners).toBe(false)
  })

  it("is the signal's reason when that aborts", async () => {
    const { feed, handle } = aHandle()
    const controller = new AbortController()
    const asked = handle.result({ signal: controller.signal })
    controller.abort(new Error('changed my mind'))
    await expect(asked).rejects.toThrow('changed my mind')
    await expect(handle.result({ signal: controller.signal })).rejects.toThrow('changed my mind')
    expect(feed.hasListeners).toBe(false)
  })

  it.each([
    ['soon', /got "soon"$/],
    ['x'.repeat(1_000), /got "x{100}…"$/],
    [Number.NaN, /got NaN$/],
    [5n, /got 5n$/],
    [{ a: [] }, /got an object$/],
  ])('refuses a timeout that is none (%#), and says what it got', async (timeout, message) => {
    await expect(aHandle().handle.result({ timeout: timeout as string })).rejects.toMatchObject({
      code: 'TWQ_ARGUMENTS',
      message: expect.stringMatching(message),
    })
  })

  it('is unavailable when nothing was asked for', async () => {
    const handle = new SentTask('id-1', 'add', undefined)
    expect(await handle.state()).toBe('PENDING')
    await expect(handle.result()).rejects.toMatchObject({ code: 'TWQ_RESULT_UNAVAILABLE' })
    await expect(handle.states().next()).rejects.toMatchObject({ code: 'TWQ_RESULT_UNAVAILABLE' })
  })

  it('breaks with the feed', async () => {
    const { feed, handle } = aHandle()
    const asked = handle.result()
    feed.break(new TwqError('TWQ_CLOSED', 'the client was closed'))
    await expect(asked).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
    await expect(handle.result()).rejects.toMatchObject({ code: 'TWQ_CLOSED' })
  })
})

describe("a handle's states", () => {
  it('begin with the first, heard of or not, and end with the final one', async () => {
    const { feed, handle } = aHandle()
    feed.push(progress(1))
    feed.push(progress(2))
    const seen: unknown[] = []
    for await (const record of handle.states()) {
      seen.push('result' in record ? record.result : record.state)
      if (seen.length === 2) feed.push(progress(3))
      if (seen.length === 3) feed.push(success('done'))
    }
    expect(seen).toEqual([1, 2, 3, 'done'])
    expect(feed.hasListeners).toBe(false)
  })

  it('end with the signal, and when nobody asks on', async () => {
    const { feed, handle } = aHandle()
    const controller = new AbortController()
    const states = handle.states({ signal: controller.signal })
    const next = states.next()
    controller.abort(new Error('enough'))
    await expect(next).rejects.toThrow('enough')
    feed.push(progress(1))
    for await (const _ of handle.states()) break
    expect(feed.hasListeners).toBe(false)
  })

  it('keep the final one, however far the reader falls behind', async () => {
    const { feed, handle } = aHandle()
    const states = handle.states()
    const first = states.next()
    for (let i = 0; i < 5_000; i++) feed.push(progress(i))
    feed.push(success('done'))
    await first
    let last: ResultRecord | undefined
    let count = 0
    for await (const record of states) {
      last = record
      count += 1
    }
    expect(last).toMatchObject({ state: 'SUCCESS', result: 'done' })
    expect(count).toBeLessThanOrEqual(1_000)
  })
})

it('many that wait with one signal give Node no reason to warn of a leak', async () => {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => void warnings.push(warning)
  process.on('warning', onWarning)
  onTestFinished(() => void process.off('warning', onWarning))
  const handles = Array.from({ length: 30 }, () => aHandle())
  const own = new AbortController()
  const waiting = handles.map(({ handle }) => handle.result({ signal: own.signal }))
  const members = handles.map(({ handle }) => ({ kind: 'task', id: handle.id, task: 'add' }))
  const group = handleOf({ kind: 'group', id: 'g', members } as unknown as Node, () => handles[0]?.feed) as SentGroup
  waiting.push(group.result({ timeout: '1m' }), group.settled({ signal: own.signal }))
  for (const { feed } of handles) feed.push(success(1))
  await Promise.allSettled(waiting)
  await new Promise((resolve) => setImmediate(resolve))
  expect(warnings).toEqual([])
})
