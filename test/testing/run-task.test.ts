import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { Plugin } from '../../src/tasks/plugin.ts'
import { ManualClock, runTask } from '../../src/testing.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

describe('runTask', () => {
  it('runs the code of a task and says how it ended', async () => {
    expect(await runTask(add, { x: 2, y: 3 })).toMatchObject({ kind: 'succeeded', result: 5 })
    expect(await runTask(add, [2, 3])).toMatchObject({ kind: 'succeeded', result: 5 })
  })

  it('fails a task whose arguments do not fit, in the words a Python caller would see', async () => {
    expect(await runTask(add, [2])).toMatchObject({
      kind: 'failed',
      error: { type: 'TypeError', args: ["add() missing 1 required positional argument: 'y'"] },
    })
  })

  it('sends arguments and result through JSON, as a broker would', async () => {
    const echo = defineTask({ name: 'echo', positional: ['value'], run: ({ value }: { value: unknown }) => value })
    const when = new Date('2030-01-31T08:00:00Z')
    expect(await runTask(echo, { value: when as never })).toMatchObject({ kind: 'succeeded', result: when })
    const circle: unknown[] = []
    circle.push(circle)
    await expect(runTask(echo, { value: circle as never })).rejects.toMatchObject({ code: 'TWQ_UNSERIALISABLE' })
  })

  it('applies the schema', async () => {
    const greet = defineTask({
      name: 'greet',
      schema: z.object({ name: z.string().default('you') }),
      run: ({ name }) => `hello ${name}`,
    })
    expect(await runTask(greet, {})).toMatchObject({ result: 'hello you' })
    expect(await runTask(greet, { name: 5 as never })).toMatchObject({ kind: 'failed', error: { type: 'ValueError' } })
  })

  it('tells what the task reported and sent', async () => {
    const parent = defineTask({
      name: 'parent',
      async run(_args: object, ctx) {
        await ctx.progress({ done: 1 })
        const handle = await ctx.send(add, { x: 1, y: 2 })
        return handle.id
      },
    })
    const run = await runTask(parent, {}, { id: 'the-parent' })
    expect(run.states).toEqual([{ state: 'PROGRESS', meta: { done: 1 } }])
    expect(run.sent).toMatchObject([{ task: 'add', message: { kwargs: { x: 1, y: 2 }, parentId: 'the-parent' } }])
    expect(run).toMatchObject({ result: run.sent[0]?.message.id })
  })

  it('decides on a retry by the policy of the task and the number of the attempt', async () => {
    const clock = new ManualClock(1_000_000)
    const flaky = defineTask({
      name: 'flaky',
      retry: { limit: 2, delay: { base: '10s', factor: 2, jitter: false } },
      run() {
        throw new Error('not yet')
      },
    })
    expect(await runTask(flaky, {}, { clock })).toMatchObject({ kind: 'retry', at: 1_010_000 })
    expect(await runTask(flaky, {}, { clock, attempt: 2 })).toMatchObject({ kind: 'retry', at: 1_020_000 })
    expect(await runTask(flaky, {}, { clock, attempt: 3 })).toMatchObject({
      kind: 'failed',
      error: { type: 'Exception' },
    })
  })

  it('holds a task to its time limit in virtual time', async () => {
    const clock = new ManualClock()
    const slow = defineTask({
      name: 'slow',
      timeLimit: { hard: '1h' },
      run: () => new Promise<never>(() => {}),
    })
    const run = runTask(slow, {}, { clock })
    await clock.pass('1h')
    expect(await run).toMatchObject({ kind: 'timed-out', limit: 3_600_000 })
  })
})

it('gives what the code threw, as it threw it', async () => {
  class CardDeclined extends Error {}
  const charge = defineTask({
    name: 'charge',
    run() {
      throw new CardDeclined('no')
    },
  })
  const run = await runTask(charge)
  expect(run.thrown).toBeInstanceOf(CardDeclined)
  expect(run).toMatchObject({ kind: 'failed', error: { type: 'CardDeclined' } })
  expect((await runTask(defineTask({ name: 'fine', run: () => 1 }))).thrown).toBeUndefined()
})

describe('runTask with plugins', () => {
  it('starts them, puts them around the attempt and its sends with those of the task inside, and stops them', async () => {
    const notes: string[] = []
    const noting = (name: string): Plugin => ({
      name,
      start: ({ role, pool }) => {
        notes.push(`${name} starts in ${role}, ${pool}`)
        return () => void notes.push(`${name} stops`)
      },
      async aroundAttempt(attempt, next) {
        attempt.args = [...attempt.args, name]
        return [name, await next()]
      },
    })
    const stamping: Plugin = {
      name: 'stamping',
      async aroundSend(send, next) {
        send.headers.parent = send.parent?.id ?? 'none'
        return await next()
      },
    }
    const listing = defineTask({
      name: 'listing',
      positional: ['...names'],
      plugins: [noting('inner')],
      run: async ({ names }: { names: string[] }, ctx) => {
        await ctx.send('other')
        return names.length
      },
    })
    const run = await runTask(listing, [], { id: 'a1', plugins: [noting('outer'), stamping] })
    expect(run).toMatchObject({ kind: 'succeeded', result: ['outer', ['inner', 2]] })
    expect(run.sent.map(({ message }) => message.headers)).toEqual([{ parent: 'a1' }])
    expect(notes).toEqual([
      'outer starts in worker, async',
      'inner starts in worker, async',
      'inner stops',
      'outer stops',
    ])
  })

  it('has what a plugin throws as the outcome', async () => {
    const strict: Plugin = {
      name: 'strict',
      aroundAttempt: async () => {
        throw new RangeError('not today')
      },
    }
    expect(await runTask(add, [1, 2], { plugins: [strict] })).toMatchObject({
      kind: 'failed',
      error: { args: ['not today'] },
      thrown: undefined,
    })
  })

  it('rejects for one that can not be started, and for what is none', async () => {
    const broken: Plugin = {
      name: 'broken',
      start: () => {
        throw new Error('no server')
      },
    }
    await expect(runTask(add, [1, 2], { plugins: [broken] })).rejects.toMatchObject({
      code: 'TWQ_PLUGIN',
      message: "plugin 'broken' can't be started: no server",
    })
    await expect(runTask(add, [1, 2], { plugins: [{}] as never })).rejects.toMatchObject({
      code: 'TWQ_CONFIG',
      message: expect.stringContaining('plugins[0]'),
    })
  })
})
