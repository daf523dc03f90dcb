import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import { TwqError } from '../../src/errors.ts'
import type { Json, JsonObject } from '../../src/runtime/json.ts'
import { isTask, TASK_BRAND } from '../../src/tasks/brand.ts'
import type { TaskContext } from '../../src/tasks/context.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { InputOf, ResultOf, Send, TaskHandle } from '../../src/tasks/sending.ts'
import type { AnyTask } from '../../src/tasks/task.ts'

const add = defineTask({
  name: 'math.add',
  positional: ['x', 'y'],
  run({ x, y }: { x: number; y: number }) {
    return x + y
  },
})

const welcome = defineTask({
  name: 'email.send_welcome',
  schema: z.object({ userId: z.number(), locale: z.string().default('en'), tags: z.array(z.string()).default([]) }),
  positional: ['userId', 'locale?', '...tags'],
  retry: { limit: 5, delay: { base: '1s', factor: 2, max: 60_000, jitter: true }, on: [TypeError, 'OSError'] },
  acks: 'late',
  queue: 'mail',
  async run({ userId, locale, tags }, ctx) {
    expectTypeOf(userId).toBeNumber()
    expectTypeOf(locale).toBeString()
    expectTypeOf(tags).toEqualTypeOf<string[]>()
    expectTypeOf(ctx).toEqualTypeOf<TaskContext>()
    return { delivered: true }
  },
})

const ping = defineTask({ name: 'ping', run: () => 'pong' })

describe('defineTask', () => {
  it('gives a frozen task that is recognised by its brand', () => {
    expect(isTask(welcome)).toBe(true)
    expect(Object.isFrozen(welcome)).toBe(true)
    expect(welcome.positional).toEqual(['userId', 'locale?', '...tags'])
    expect(welcome.settings).toMatchObject({ queue: 'mail', acks: 'late', retry: { limit: 5 } })
    expect(Object.keys(add.settings)).toEqual([])
  })

  it('recognises a task that another copy of the package made, and nothing else', () => {
    expect(isTask({ [Symbol.for('twq.task')]: true, name: 'x' })).toBe(true)
    expect(TASK_BRAND).toBe(Symbol.for('twq.task'))
    const hostile = new Proxy(
      {},
      {
        get: () => {
          throw new Error('no')
        },
      },
    )
    for (const value of [undefined, null, 1, 'x', {}, () => 1, hostile]) expect(isTask(value)).toBe(false)
  })

  it('types what a send, a retry and a replacement may say', () => {
    type Options = NonNullable<Parameters<Send>[2]>
    expectTypeOf<{
      compression: 'zlib'
      stamps: { customer: 'acme'; batch: readonly [7, 8] }
      argsRepr: '()'
    }>().toExtend<Options>()
    expectTypeOf<{ compression: 'bzip2' }>().not.toExtend<Options>()
    expectTypeOf<{ stamps: { customer: Date } }>().not.toExtend<Options>()
    type Retried = NonNullable<Parameters<TaskContext['retry']>[0]>
    expectTypeOf<{ limit: null; expires: '1m' }>().toExtend<Retried>()
    expectTypeOf<{ limit: 'many' }>().not.toExtend<Retried>()
    expectTypeOf<[Json, { stamps: { customer: 'acme' } }]>().toExtend<Parameters<TaskContext['replace']>>()
  })

  it('types the functions that show arguments, and refuses what is neither a text nor a function', () => {
    defineTask({
      name: 'pay',
      kwargsRepr(kwargs) {
        expectTypeOf(kwargs).toEqualTypeOf<JsonObject>()
        return '{...}'
      },
      argsRepr: (args) => `(${args.length} hidden)`,
      run: () => null,
    })
    expect(() => defineTask({ name: 'pay', argsRepr: 1 as never, run: () => null })).toThrow(
      "task 'pay': argsRepr must be a text, or a function of the arguments that returns one, got 1",
    )
  })

  it('runs with the arguments it declares', async () => {
    expect(add.run({ x: 1, y: 2 }, {} as TaskContext)).toBe(3)
  })

  it.each<[string, unknown, RegExp, RegExp?]>([
    ['no object', undefined, /takes an object, got undefined/],
    ['no name', { run() {} }, /defineTask: name must be the name that callers send, got undefined/],
    ['an empty name', { name: '', run() {} }, /name must not be empty/],
    ['a name with a space around', { name: 'add ', run() {} }, /white space, got "add "/],
    ['a name with a line break', { name: 'a\nb', run() {} }, /control characters/],
    ['no code', { name: 'add' }, /task 'add': run must be a function, got undefined/],
    ['code that is none', { name: 'add', run: 'x' }, /run must be a function, got "x"/],
    [
      'a required name after an optional',
      { name: 'add', positional: ['x?', 'y'], run() {} },
      /positional\[1\] 'y' is requi/,
    ],
    ['a schema that is none', { name: 'add', schema: {}, run() {} }, /schema must be a Standard Schema/],
    ['wrong acks', { name: 'add', acks: 'later', run() {} }, /acks must be 'late' or 'early', got "later"/],
    ['an empty queue', { name: 'add', queue: '', run() {} }, /queue must be a queue's name, got ""/],
    ['a text for a boolean', { name: 'add', ignoreResult: 'yes', run() {} }, /ignoreResult must be true or false/],
    [
      'a mistyped setting',
      { name: 'add', trackStarte: true, run() {} },
      /unknown setting 'trackStarte'/,
      /'trackStarted'/,
    ],
    ['an unknown setting', { name: 'add', colour: 1, run() {} }, /unknown setting 'colour'/, /A task may have: name,/],
    ['an inherited name as a setting', { name: 'add', toString: 1, run() {} }, /unknown setting 'toString'/],
    [
      'a bad delay',
      { name: 'add', retry: { delay: { base: 'soon' } }, run() {} },
      /retry.delay.base must be .*got "soon"/,
    ],
    [
      'a mistyped delay',
      { name: 'add', retry: { delay: { bas: 1 } }, run() {} },
      /retry.delay.bas is unknown; did you mean 'base'/,
    ],
    ['a negative limit', { name: 'add', retry: { limit: -1 }, run() {} }, /retry.limit must be a whole number/],
    ['a policy that is none', { name: 'add', retry: 3, run() {} }, /retry must be an object/],
  ])('refuses %s', (_, definition, message, hint) => {
    let thrown: unknown
    try {
      defineTask(definition as Parameters<typeof defineTask>[0])
    } catch (error) {
      thrown = error
    }
    if (!TwqError.is(thrown, 'TWQ_TASK_DEFINITION')) throw thrown
    expect(thrown.message).toMatch(message)
    if (hint !== undefined) expect(thrown.hint).toMatch(hint)
  })
})

describe('the types', () => {
  it('infer what callers give and get', () => {
    expectTypeOf<InputOf<typeof add>>().toEqualTypeOf<{ x: number; y: number }>()
    expectTypeOf<ResultOf<typeof add>>().toBeNumber()
    expectTypeOf<InputOf<typeof welcome>>().toEqualTypeOf<{
      userId: number
      locale?: string | undefined
      tags?: string[] | undefined
    }>()
    expectTypeOf<ResultOf<typeof welcome>>().toEqualTypeOf<{ delivered: boolean }>()
    expectTypeOf(add).toExtend<AnyTask>()
    expectTypeOf(welcome).toExtend<AnyTask>()
    expectTypeOf(add.name).toEqualTypeOf<'math.add'>()
  })

  it('accept right calls and refuse wrong ones', () => {
    const calls = async (send: Send) => {
      expectTypeOf(await send(add, { x: 1, y: 2 })).toEqualTypeOf<TaskHandle<number>>()
      expectTypeOf(await send(welcome, { userId: 1 }, { countdown: '10s' })).toEqualTypeOf<
        TaskHandle<{ delivered: boolean }>
      >()
      expectTypeOf(await send(ping)).toEqualTypeOf<TaskHandle<string>>()
      expectTypeOf(await send<typeof add>('math.add', { x: 1, y: 2 })).toEqualTypeOf<TaskHandle<number>>()
      expectTypeOf(await send('anything', [1, 'two'])).toEqualTypeOf<TaskHandle<unknown>>()
      expectTypeOf(await send('anything', { x: 1 }, { queue: 'q' })).toEqualTypeOf<TaskHandle<unknown>>()
      await send('anything')
      // @ts-expect-error a number is wanted
      await send(welcome, { userId: '1' })
      // @ts-expect-error the arguments are missing
      await send(add)
      // @ts-expect-error y is missing
      await send(add, { x: 1 })
      // @ts-expect-error the name belongs to another task
      await send<typeof add>('math.sub', { x: 1, y: 2 })
      // @ts-expect-error the arguments are missing
      await send<typeof add>('math.add')
      // @ts-expect-error a Map has no JSON form
      await send('anything', new Map())
      // @ts-expect-error not a task
      await send({ name: 'math.add' }, { x: 1 })
    }
    expect(calls).toBeTypeOf('function')
  })

  it('refuse wrong definitions', () => {
    const definitions = () => {
      // @ts-expect-error 'b' is not an argument of the schema
      defineTask({ name: 'x', schema: z.object({ a: z.number() }), positional: ['b'], run() {} })
      // @ts-expect-error 'z' is not an argument of run
      defineTask({ name: 'x', positional: ['x', 'z'], run: ({ x }: { x: number }) => x })
      // @ts-expect-error the rest comes last
      defineTask({ name: 'x', positional: ['...y', 'x'], run: ({ x }: { x: number; y: number[] }) => x })
      // @ts-expect-error no such setting
      defineTask({ name: 'x', colour: 'red', run() {} })
      // @ts-expect-error the code is missing
      defineTask({ name: 'x' })
      // @ts-expect-error arguments without a type
      defineTask({ name: 'x', run: ({ x }) => x })
    }
    expect(definitions).toBeTypeOf('function')
  })
})
