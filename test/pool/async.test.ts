import { describe, expect, it } from 'vitest'
import { TwqError } from '../../src/errors.ts'
import { createAsyncPool } from '../../src/pool/async.ts'
import type { RunOptions } from '../../src/pool/pool.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { AnyTask } from '../../src/tasks/task.ts'
import { aTaskMessage } from '../support/a-task-message.ts'
import { anInvocation, aSilentLogger } from '../support/attempts.ts'
import { ManualClock } from '../support/manual-clock.ts'

const aPool = (...tasks: AnyTask[]) =>
  createAsyncPool({
    kind: 'async',
    lookup: (name) => tasks.find((task) => task.name === name),
    logger: aSilentLogger(),
    sendFor: () => () => Promise.reject(new Error('nothing is sent here')),
    limitsFor: () => undefined,
    clock: systemClock,
  })

const options = (over: Partial<RunOptions> = {}): RunOptions => ({
  signal: new AbortController().signal,
  onState: async () => {},
  ...over,
})

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

describe('the async pool', () => {
  const stubborn = () => {
    const finish = deferred<void>()
    const task = defineTask({
      name: 'stubborn',
      async run() {
        await finish.promise
        return 'done'
      },
    })
    return { task, finish, invocation: anInvocation({ message: aTaskMessage({ task: 'stubborn' }) }) }
  }

  it('answers for a task that ignores its signal when that ends', async () => {
    const { task, finish, invocation } = stubborn()
    const controller = new AbortController()
    const outcome = aPool(task).run(invocation, options({ signal: controller.signal }))
    controller.abort(new TwqError('TWQ_SHUTTING_DOWN', 'the worker is shutting down'))
    finish.resolve()
    expect(await outcome).toMatchObject({ kind: 'succeeded', result: 'done' })
  })

  it('waits for what is running when it is stopped, and starts nothing more', async () => {
    const { task, finish, invocation } = stubborn()
    const pool = aPool(task, add)
    const events: string[] = []
    const run = Promise.resolve(pool.run(invocation, options())).then(() => events.push('ran'))
    const stop = pool.stop({ deadline: new AbortController().signal }).then(() => events.push('stopped'))
    const refused = await pool.run(anInvocation({ message: aTaskMessage({ task: 'add' }) }), options())
    expect(refused).toEqual({ kind: 'interrupted' })
    expect(events).toEqual([])
    finish.resolve()
    await Promise.all([run, stop])
    expect(events.toSorted()).toEqual(['ran', 'stopped'])
  })

  it('gives up a task at its hard limit: its place is free, and its end is not heard', async () => {
    const { task, finish, invocation } = stubborn()
    const clock = new ManualClock()
    const pool = createAsyncPool({
      kind: 'async',
      lookup: () => task,
      logger: aSilentLogger(),
      sendFor: () => () => Promise.reject(new Error('nothing is sent here')),
      limitsFor: () => ({ soft: undefined, hard: 1_000 }),
      clock,
    })
    const run = pool.run(invocation, options())
    clock.advance(1_000)
    expect(await run).toMatchObject({ kind: 'timed-out', limit: 1_000 })
    expect(pool.stats?.()).toEqual({ pids: [process.pid], abandoned: 1 })
    await pool.stop({ deadline: new AbortController().signal })
    finish.resolve()
    await new Promise((resolve) => setImmediate(resolve))
    expect(pool.stats?.()).toMatchObject({ abandoned: 0 })
  })

  it('stops waiting at its deadline', async () => {
    const { task, invocation } = stubborn()
    const pool = aPool(task)
    void pool.run(invocation, options())
    const deadline = new AbortController()
    const stopped = pool.stop({ deadline: deadline.signal })
    deadline.abort()
    await stopped
    await aPool().stop({ deadline: new AbortController().signal })
  })
})
