import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { TwqError } from '../../../src/errors.ts'
import type { TaskMessage } from '../../../src/protocol/task-message.ts'
import type { JsonObject } from '../../../src/runtime/json.ts'
import { runAttempt } from '../../../src/tasks/attempt/attempt.ts'
import { Ignore, Reject, Retry } from '../../../src/tasks/attempt/control-flow.ts'
import type { Attempt } from '../../../src/tasks/attempt/invocation.ts'
import type { TaskContext } from '../../../src/tasks/context.ts'
import { defineTask } from '../../../src/tasks/define-task.ts'
import type { AnyTask, TaskSettings } from '../../../src/tasks/task.ts'
import { aTaskMessage } from '../../support/a-task-message.ts'
import { anAttempt, NOW } from '../../support/attempts.ts'

const add = defineTask({ name: 'add', positional: ['x', 'y'], run: ({ x, y }: { x: number; y: number }) => x + y })

const aTask = (run: (args: object, ctx: TaskContext) => unknown, settings: TaskSettings = {}): AnyTask =>
  defineTask({ name: 'job', ...settings, run })

const outcomeOf = (
  run: (args: object, ctx: TaskContext) => unknown,
  settings?: TaskSettings,
  over?: Partial<Attempt> & { message?: Partial<TaskMessage> },
) => runAttempt(anAttempt({ task: aTask(run, settings), ...over }))

const fixed = { delay: { base: 1_000, jitter: false } }

describe('an attempt that returns', () => {
  it('succeeds with the value', async () => {
    const outcome = await runAttempt(anAttempt({ task: add, message: { args: [2, 3] } }))
    expect(outcome).toEqual({ kind: 'succeeded', result: 5, runtime: expect.any(Number) })
  })

  it('is over when its code returns a value, and later when that is a promise, of any kind', async () => {
    expect(outcomeOf(() => 5)).toMatchObject({ kind: 'succeeded', result: 5 })
    // biome-ignore lint/suspicious/noThenProperty: a promise of another library
    const thenable = { then: (resolve: (value: number) => void) => resolve(5) }
    for (const returned of [Promise.resolve(5), thenable]) {
      const outcome = outcomeOf(() => returned)
      expect(outcome).toBeInstanceOf(Promise)
      expect(await outcome).toMatchObject({ kind: 'succeeded', result: 5 })
    }
  })

  it('fails where the `then` of what it returns throws', () => {
    const hostile = {
      // biome-ignore lint/suspicious/noThenProperty: what it throws must not escape
      get then(): never {
        throw new Error('no')
      },
    }
    expect(outcomeOf(() => hostile)).toMatchObject({ kind: 'failed', error: { args: ['no'] } })
  })

  it('succeeds with null when it returns nothing', async () => {
    expect(await outcomeOf(() => undefined)).toMatchObject({ kind: 'succeeded', result: null })
  })

  it.each<[string, unknown, RegExp]>([
    ['a function', () => 1, /result/],
    ['a symbol deep inside', { rows: [{ key: Symbol('x') }] }, /result\.rows\[0\]\.key/],
    [
      'a value that contains itself',
      (() => {
        const loop: unknown[] = []
        loop.push(loop)
        return loop
      })(),
      /result/,
    ],
    ['a date that is none', new Date(Number.NaN), /result is an invalid Date/],
  ])('fails when what it returns has no JSON form: %s', async (_, value, message) => {
    const outcome = await outcomeOf(() => value, { retry: {} })
    if (outcome.kind !== 'failed') throw new Error(outcome.kind)
    expect(outcome.error).toMatchObject({ type: 'EncodeError', module: 'kombu.exceptions' })
    expect(outcome.error.args[0]).toMatch(message)
  })
})

describe('a result without end', () => {
  const tooLarge =
    "the task's result can't be sent: result has more than the 1000 bytes of JSON that maxResultSize allows; " +
    'store it elsewhere and give a reference to it, or raise maxResultSize'

  it.each<[string, () => unknown]>([
    ['an endless array', () => new Proxy([], { get: (_, key) => (key === 'length' ? 2 ** 32 - 1 : 0) })],
    ['five million zeros', () => new Array(5_000_000).fill(0)],
    ['a toJSON that gives more', () => ({ toJSON: () => ({ bytes: Buffer.alloc(2_000) }) })],
    ['a text of 200 MB', () => 'x'.repeat(200_000_000)],
    ['text of more bytes than characters', () => 'é'.repeat(500)],
  ])('fails the task: %s', async (_, value) => {
    const outcome = await outcomeOf(value, { retry: {} }, { maxResultSize: 1_000 })
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'EncodeError', args: [tooLarge] } })
  })

  it('is not asked again after it was looked at', async () => {
    let asked = 0
    const outcome = await outcomeOf(() => ({ toJSON: () => 'x'.repeat(++asked) }), {}, { maxResultSize: 10 })
    expect(outcome).toMatchObject({ kind: 'succeeded', result: 'x' })
  })

  it('is refused as a state, and the attempt goes on', async () => {
    const states: unknown[] = []
    const outcome = await outcomeOf(
      async (_, ctx) => {
        await ctx.progress({ done: 1 })
        return await ctx
          .progress(new Array(5_000_000).fill(0))
          .catch(({ code, message, hint }) => [code, message, hint])
      },
      {},
      { maxResultSize: 1_000, onState: async (...state) => void states.push(state) },
    )
    expect(states).toEqual([['PROGRESS', { done: 1 }]])
    const message = 'meta has more than the 1000 bytes of JSON that maxResultSize allows'
    const hint = 'store it elsewhere and give a reference to it, or raise maxResultSize'
    expect(outcome).toMatchObject({ kind: 'succeeded', result: ['TWQ_UNSERIALISABLE', message, hint] })
  })

  it('fails as the reason of a rejection, as arguments of a retry, and as a delay, within bounds', async () => {
    const huge = 'x'.repeat(50_000_000)
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    for (const thrown of [
      new Reject(huge),
      new Retry({ args: [cyclic as never] }),
      new Retry({ countdown: cyclic as never }),
    ]) {
      const outcome = await outcomeOf(() => Promise.reject(thrown))
      expect('error' in outcome && JSON.stringify(outcome.error).length).toBeLessThan(200_000)
    }
  })
})

describe('arguments that do not fit', () => {
  it('fail the task as Python would, and are not retried', async () => {
    const task = defineTask({ name: 'add', positional: ['x', 'y'], retry: {}, run: (_: { x: number; y: number }) => 1 })
    expect(await runAttempt(anAttempt({ task, message: { args: [2] } }))).toMatchObject({
      kind: 'failed',
      error: { type: 'TypeError', module: 'builtins', args: ["add() missing 1 required positional argument: 'y'"] },
    })
  })

  it('fail the task before its code runs when the schema refuses them', async () => {
    let ran = false
    const task = defineTask({
      name: 'welcome',
      schema: z.object({ userId: z.number() }),
      run() {
        ran = true
      },
    })
    const outcome = await runAttempt(anAttempt({ task, message: { kwargs: { userId: '1' } } }))
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'ValueError', module: 'builtins' } })
    expect(outcome.kind === 'failed' && outcome.error.args[0]).toMatch(/^welcome\(\) got invalid arguments: userId: /)
    expect(ran).toBe(false)
  })

  it.each<[string, JsonObject, string]>([
    ['a name that the task does not declare', { x: 1, y: 2, zed: 3 }, "add() got an unexpected keyword argument 'zed'"],
    ['it before what is missing', { x: 1, amount: 3 }, "add() got an unexpected keyword argument 'amount'"],
  ])('fail the task for %s', async (_, kwargs, message) => {
    expect(await runAttempt(anAttempt({ task: add, message: { kwargs } }))).toMatchObject({
      kind: 'failed',
      error: { type: 'TypeError', module: 'builtins', args: [message] },
    })
  })

  it('fail the task for a name that its schema passes over', async () => {
    const task = defineTask({ name: 'pay', schema: z.object({ cents: z.number() }), run: ({ cents }) => cents })
    const outcome = await runAttempt(anAttempt({ task, message: { kwargs: { cents: 1, extra: 1 } } }))
    const message = "pay() got an unexpected keyword argument 'extra'"
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'TypeError', args: [message] } })
  })

  it('become what the schema makes of them', async () => {
    const task = defineTask({
      name: 'welcome',
      schema: z.object({ userId: z.coerce.number(), locale: z.string().default('en') }),
      positional: ['userId', 'locale?'],
      run: ({ userId, locale }) => [userId, locale],
    })
    expect(await runAttempt(anAttempt({ task, message: { args: ['7'] } }))).toMatchObject({ result: [7, 'en'] })
  })
})

describe('an attempt that throws', () => {
  it('fails with the error', async () => {
    const outcome = await outcomeOf(() => {
      throw Object.assign(new Error('boom'), { name: 'ValueError' })
    })
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'ValueError', module: 'builtins', args: ['boom'] } })
  })

  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('get')
      },
      has: () => {
        throw new Error('has')
      },
      getPrototypeOf: () => {
        throw new Error('getPrototypeOf')
      },
      ownKeys: () => {
        throw new Error('ownKeys')
      },
    },
  )
  // The stack comes first: formatting it, which replacing it does, reads the others.
  const thorny = new Error('x')
  for (const property of ['stack', 'name', 'message', 'cause', 'constructor']) {
    const get = () => {
      throw new Error(property)
    }
    Object.defineProperty(thorny, property, { get })
  }
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  }
  // Functions that give them: the test runner itself can't look at some of these.
  it.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['null', () => null],
    ['a text', () => 'boom'],
    ['a symbol', () => Symbol('boom')],
    ['an object without a prototype', () => Object.create(null)],
    ['a proxy that refuses everything', () => hostile],
    ['an error whose properties throw', () => thorny],
    ['a revoked proxy', revoked],
  ])('fails, whatever it throws: %s', async (_, thrown) => {
    const settings = { retry: { on: ['OSError', TypeError] } }
    const controller = new AbortController()
    controller.abort(new TwqError('TWQ_SOFT_LIMIT', 'too long'))
    for (const over of [{}, { signal: controller.signal }]) {
      const outcome = await outcomeOf(() => Promise.reject(thrown()), settings, over)
      expect(outcome).toMatchObject({ kind: 'failed', error: { type: expect.any(String) } })
    }
  })

  it('fails with its own error when the retry policy throws', async () => {
    const retry = {
      on: () => {
        throw new Error('bug in the predicate')
      },
    }
    const outcome = await outcomeOf(
      () => {
        throw new Error('boom')
      },
      { retry },
    )
    expect(outcome).toMatchObject({ kind: 'failed', error: { args: ['boom'] } })
  })
})

describe('a retry', () => {
  it('follows from the policy when the task throws what it covers', async () => {
    const outcome = await outcomeOf(
      () => {
        throw new TypeError('flaky')
      },
      { retry: { ...fixed, on: TypeError } },
    )
    expect(outcome).toMatchObject({ kind: 'retry', at: NOW + 1_000, error: { type: 'TypeError', args: ['flaky'] } })
  })

  it('ends with the original error once the limit is reached', async () => {
    const outcome = await outcomeOf(
      () => {
        throw new Error('flaky')
      },
      { retry: { ...fixed, limit: 2 } },
      { message: { retries: 2 } },
    )
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'Exception', args: ['flaky'] } })
  })

  it('is what ctx.retry asks for, with and without a cause', async () => {
    const cause = new Error('flaky')
    expect(await outcomeOf((_, ctx) => ctx.retry({ countdown: '30s', cause }))).toMatchObject({
      kind: 'retry',
      at: NOW + 30_000,
      error: { args: ['flaky'] },
    })
    expect(await outcomeOf((_, { retry }) => retry({ countdown: 5 }))).toEqual({
      kind: 'retry',
      at: NOW + 5,
      error: null,
    })
    expect(await outcomeOf((_, ctx) => ctx.retry(), { retry: fixed })).toMatchObject({ kind: 'retry', at: NOW + 1_000 })
  })

  it('may carry other arguments', async () => {
    const outcome = await outcomeOf(() => {
      throw new Retry({ countdown: 0, args: [1], kwargs: { page: 2 } })
    })
    expect(outcome).toEqual({ kind: 'retry', at: NOW, error: null, override: { args: [1], kwargs: { page: 2 } } })
  })

  it('fails when its other arguments have no JSON form', async () => {
    const outcome = await outcomeOf(() => {
      throw new Retry({ args: [(() => 1) as never] })
    })
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'EncodeError' } })
  })

  it.each<[string, (ctx: TaskContext) => unknown, object]>([
    [
      'the cause',
      (ctx) => ctx.retry({ cause: new RangeError('still down') }),
      { type: 'RangeError', args: ['still down'] },
    ],
    [
      "Celery's own error without one",
      (ctx) => ctx.retry(),
      { type: 'MaxRetriesExceededError', args: ["Can't retry job[id-1] args:(1, 'a') kwargs:{'k': None}"] },
    ],
    [
      'the same for a retry thrown by hand',
      () => {
        throw new Retry()
      },
      { type: 'MaxRetriesExceededError', args: ["Can't retry job[id-1] args:(1, 'a') kwargs:{'k': None}"] },
    ],
  ])('beyond the limit is a failure with %s', async (_, ask, error) => {
    const task = defineTask({
      name: 'job',
      positional: ['a', 'b'],
      named: '*',
      run: (_: { a: 1; b: 2 }, ctx) => ask(ctx),
    })
    const message = { id: 'id-1', retries: 3, args: [1, 'a'], kwargs: { k: null } }
    expect(await runAttempt(anAttempt({ task, message }))).toMatchObject({ kind: 'failed', error })
  })

  it('has the limit that it names, above or below that of the policy', async () => {
    const task = (limit: number | null) =>
      aTask((_, ctx) => ctx.retry({ countdown: 0, limit }), { retry: { limit: 2 } })
    const outcome = (limit: number | null, retries: number) =>
      runAttempt(anAttempt({ task: task(limit), message: { retries } }))
    expect(await outcome(5, 4)).toMatchObject({ kind: 'retry' })
    expect(await outcome(5, 5)).toMatchObject({ kind: 'failed', error: { type: 'MaxRetriesExceededError' } })
    expect(await outcome(1, 1)).toMatchObject({ kind: 'failed' })
    expect(await outcome(null, 1_000)).toMatchObject({ kind: 'retry' })
  })

  it.each<[Date | string, number]>([
    ['1m', NOW + 60_000],
    [new Date(NOW + 5), NOW + 5],
  ])('that expires after %s says when', async (expires, expected) => {
    const task = aTask((_, ctx) => ctx.retry({ countdown: 0, expires }))
    expect(await runAttempt(anAttempt({ task }))).toMatchObject({ kind: 'retry', expires: expected })
  })

  it.each([{ limit: -1 }, { limit: 'many' as never }, { expires: 'soon' }, { expires: new Date(Number.NaN) }])(
    'is an error of the task for %j',
    async (options) => {
      const task = aTask((_, ctx) => ctx.retry(options), { retry: {} })
      expect(await runAttempt(anAttempt({ task }))).toMatchObject({
        kind: 'failed',
        error: { args: [expect.stringMatching(/^a retry's (limit|expires) must be/)] },
      })
    },
  )

  it('that the code asks for counts for a policy that is not automatic, which retries no error by itself', async () => {
    const retry = { limit: 1, automatic: false } as const
    const asks = aTask((_, ctx) => ctx.retry({ countdown: 0 }), { retry })
    expect(await runAttempt(anAttempt({ task: asks }))).toMatchObject({ kind: 'retry' })
    expect(await runAttempt(anAttempt({ task: asks, message: { retries: 1 } }))).toMatchObject({ kind: 'failed' })
    const throws = aTask(
      () => {
        throw new TypeError('no')
      },
      { retry },
    )
    expect(await runAttempt(anAttempt({ task: throws }))).toMatchObject({
      kind: 'failed',
      error: { type: 'TypeError' },
    })
  })

  it('with a negative delay is one at once, as in Celery', async () => {
    const task = aTask((_, ctx) => ctx.retry({ countdown: -5 }), { retry: { delay: { base: '1h', jitter: false } } })
    expect(await runAttempt(anAttempt({ task }))).toMatchObject({ kind: 'retry', at: NOW })
  })

  it.each<[string, (ctx: TaskContext) => unknown]>([
    ['NaN', (ctx) => ctx.retry({ countdown: Number.NaN })],
    ['Infinity', (ctx) => ctx.retry({ countdown: Number.POSITIVE_INFINITY })],
    ['-Infinity', (ctx) => ctx.retry({ countdown: Number.NEGATIVE_INFINITY })],
    ['"soon"', (ctx) => ctx.retry({ countdown: 'soon' })],
    [
      'NaN',
      () => {
        throw new Retry({ countdown: Number.NaN })
      },
    ],
  ])('with a countdown of %s is a failure, which no policy retries', async (got, ask) => {
    const task = aTask((_, ctx) => ask(ctx), { retry: { limit: 5 } })
    const message = `a retry's countdown must be milliseconds or a duration, got ${got}`
    expect(await runAttempt(anAttempt({ task }))).toMatchObject({ kind: 'failed', error: { args: [message] } })
  })

  it.each<[string, unknown, string]>([
    ['in', { in: '30s' }, "unknown retry option 'in': write 'countdown'"],
    ['delay', { delay: 5 }, "unknown retry option 'delay': write 'countdown'"],
    ['a mistyped countdown', { countdwn: 5 }, "unknown retry option 'countdwn': write 'countdown'"],
    ['a mistyped date', { etaa: new Date() }, "unknown retry option 'etaa': write 'eta'"],
    ['an option of something else', { ignoreResult: true }, "unknown retry option 'ignoreResult'"],
    [
      'a countdown and an eta',
      { countdown: 1, eta: new Date(NOW) },
      'eta and countdown of a retry both say when to start',
    ],
    ['an eta that is no date', { eta: '2026-01-01' }, "a retry's eta must be a valid Date, got 2026-01-01"],
    ['an invalid date', { eta: new Date(Number.NaN) }, "a retry's eta must be a valid Date, got Invalid Date"],
    ['no object', '30s', 'a retry takes an object of options, got "30s"'],
  ])('with %s is a failure that says so, and which no policy retries', async (_, options, problem) => {
    const thrown = () => {
      throw new Retry(options as never)
    }
    for (const ask of [(ctx: TaskContext) => ctx.retry(options as never), thrown]) {
      const outcome = await outcomeOf((_, ctx) => ask(ctx), { retry: { limit: 5 } })
      expect(outcome).toMatchObject({ kind: 'failed', error: { args: [problem] } })
    }
  })

  it('is due at its eta, or at once when that has passed', async () => {
    const at = (time: number) => outcomeOf((_, ctx) => ctx.retry({ eta: new Date(time) }))
    expect(await at(NOW + 90_000)).toEqual({ kind: 'retry', at: NOW + 90_000, error: null })
    expect(await at(NOW - 90_000)).toEqual({ kind: 'retry', at: NOW, error: null })
    const thrown = await outcomeOf(() => {
      throw new Retry({ eta: new Date(NOW + 5) })
    })
    expect(thrown).toEqual({ kind: 'retry', at: NOW + 5, error: null })
  })

  it('asked for by ctx.retry may carry other arguments, too', async () => {
    const outcome = await outcomeOf((_, ctx) => ctx.retry({ countdown: 0, kwargs: { page: 2 } }))
    expect(outcome).toEqual({ kind: 'retry', at: NOW, error: null, override: { args: undefined, kwargs: { page: 2 } } })
  })
})

describe('control flow', () => {
  it('rejects, dropping or requeueing', async () => {
    expect(
      await outcomeOf(() => {
        throw new Reject('not mine')
      }),
    ).toMatchObject({ kind: 'rejected', requeue: false })
    expect(
      await outcomeOf(() => {
        throw new Reject('later', { requeue: true })
      }),
    ).toEqual({
      kind: 'rejected',
      requeue: true,
      error: { type: 'Reject', module: 'celery.exceptions', args: ['later', true], traceback: null },
    })
  })

  it('ignores, whatever the retry policy says', async () => {
    expect(
      await outcomeOf(
        () => {
          throw new Ignore()
        },
        { retry: {} },
      ),
    ).toEqual({ kind: 'ignored' })
  })
})

describe('a shutdown', () => {
  const shuttingDown = () => new TwqError('TWQ_SHUTTING_DOWN', 'the worker is shutting down')
  const aborted = (reason: unknown) => {
    const controller = new AbortController()
    controller.abort(reason)
    return controller.signal
  }
  const abortedWhileRunning = async (
    run: (args: object, ctx: TaskContext) => unknown,
    reason: unknown = shuttingDown(),
  ) => {
    const controller = new AbortController()
    const task = aTask(
      (args, ctx) => {
        controller.abort(reason)
        return run(args, ctx)
      },
      { retry: {} },
    )
    return runAttempt(anAttempt({ task, signal: controller.signal }))
  }

  it('keeps a task from starting', async () => {
    let started = false
    const outcome = await outcomeOf(
      () => 1,
      {},
      {
        signal: aborted(shuttingDown()),
        onStarted: () => {
          started = true
        },
      },
    )
    expect(outcome).toEqual({ kind: 'interrupted' })
    expect(started).toBe(false)
  })

  it.each<[string, (ctx: TaskContext) => unknown]>([
    ['with the reason', (ctx) => ctx.signal.throwIfAborted()],
    [
      'with a wrapper of the reason',
      (ctx) => {
        throw new Error('request failed', { cause: ctx.signal.reason })
      },
    ],
    [
      'with an abort error',
      () => {
        throw new DOMException('aborted', 'AbortError')
      },
    ],
    [
      "with Node's own abort error",
      (ctx) => import('node:timers/promises').then((timers) => timers.setTimeout(60_000, 0, { signal: ctx.signal })),
    ],
    [
      "with an HTTP client's",
      () => {
        throw Object.assign(new Error('canceled'), { code: 'ERR_CANCELED' })
      },
    ],
  ])('interrupts a task that stops because of it %s', async (_, run) => {
    expect(await abortedWhileRunning((_args, ctx) => run(ctx))).toEqual({ kind: 'interrupted' })
  })

  it('leaves alone what ends for another reason', async () => {
    expect(await abortedWhileRunning(() => 1)).toMatchObject({ kind: 'succeeded' })
    expect(
      await abortedWhileRunning(() => {
        throw new Error('own bug')
      }),
    ).toMatchObject({ kind: 'retry' })
  })

  it('is not what other aborts are', async () => {
    const softLimit = new TwqError('TWQ_SOFT_LIMIT', 'too long')
    const outcome = await abortedWhileRunning((_, ctx) => ctx.signal.throwIfAborted(), softLimit)
    expect(outcome.kind).toBe('retry')
  })
})

describe('the context', () => {
  it('tells the task about its attempt', async () => {
    const message = { id: 'id-1', task: 'job', retries: 2 }
    const facts = await runAttempt(
      anAttempt({
        task: aTask((_, ctx) => [ctx.id, ctx.name, ctx.queue, ctx.attempt, ctx.redelivered, ctx.request.retries]),
        message,
        redelivered: true,
      }),
    )
    expect(facts).toMatchObject({ result: ['id-1', 'job', 'celery', 3, true, 2] })
  })

  it('stores progress and other states, taken apart or not', async () => {
    const stored: unknown[] = []
    const onState: Attempt['onState'] = async (state, meta) => void stored.push([state, meta])
    await outcomeOf(
      async (_, { progress, updateState }) => {
        await progress({ current: 1, total: 2 })
        await updateState('HALFWAY', null)
      },
      {},
      { onState },
    )
    expect(stored).toEqual([
      ['PROGRESS', { current: 1, total: 2 }],
      ['HALFWAY', null],
    ])
  })

  it.each(['SUCCESS', 'FAILURE', 'RETRY', 'REVOKED'])(
    'refuses to store %s, which how the code ends decides',
    async (state) => {
      const outcome = await outcomeOf((_, ctx) => ctx.updateState(state, null))
      expect(outcome).toMatchObject({ kind: 'failed', error: { args: [expect.stringContaining(state)] } })
    },
  )

  it('stores nothing once the attempt is over', async () => {
    const stored: unknown[] = []
    const onState: Attempt['onState'] = async (state) => void stored.push(state)
    let late!: TaskContext
    await outcomeOf(
      (_, ctx) => {
        late = ctx
      },
      {},
      { onState },
    )
    await late.progress(1)
    expect(stored).toEqual([])
  })

  it('survives progress that nobody awaits and nobody can store', async () => {
    const onState: Attempt['onState'] = () => Promise.reject(new Error('broker is gone'))
    expect(await outcomeOf((_, ctx) => void ctx.progress(1), {}, { onState })).toMatchObject({ kind: 'succeeded' })
  })

  it('sends as a child of its own message, and asks for a way to send only then', async () => {
    const parents: string[] = []
    const sendFor: Attempt['sendFor'] = (message) => {
      parents.push(message.id)
      return (async () => ({ id: 'child' })) as never
    }
    await runAttempt(anAttempt({ task: aTask(() => 1), sendFor }))
    expect(parents).toEqual([])
    const message = aTaskMessage({ id: 'parent' })
    await runAttempt(
      anAttempt({
        task: aTask(async (_, { send }) => {
          await send('x')
          await send('y')
        }),
        sendFor,
        message,
      }),
    )
    expect(parents).toEqual(['parent'])
  })

  it('logs with the task, its id and the attempt', async () => {
    const children: unknown[] = []
    const logger = anAttempt({ task: add }).logger
    logger.child = (fields) => {
      children.push(fields)
      return logger
    }
    await runAttempt(
      anAttempt({
        task: aTask((_, ctx) => {
          ctx.log.info({}, 'a')
          ctx.log.info({}, 'b')
        }),
        logger,
        message: { id: 'id-1', task: 'job' },
      }),
    )
    expect(children).toEqual([{ task_id: 'id-1', task: 'job', attempt: 1 }])
  })
})

describe('a soft time limit', () => {
  const overrun = (run: (ctx: TaskContext) => unknown, settings: TaskSettings = {}) => {
    const controller = new AbortController()
    controller.abort(new TwqError('TWQ_SOFT_LIMIT', 'the soft time limit of 1 s is exceeded'))
    return outcomeOf((_, ctx) => run(ctx), settings, { signal: controller.signal })
  }
  const exceeded = { type: 'SoftTimeLimitExceeded', module: 'billiard.exceptions' }

  it.each<[string, (ctx: TaskContext) => unknown]>([
    ['itself', (ctx) => ctx.signal.throwIfAborted()],
    [
      "as Node's abort error",
      (ctx) => import('node:timers/promises').then((timers) => timers.setTimeout(60_000, 0, { signal: ctx.signal })),
    ],
  ])("fails the task by Celery's name when it escapes %s", async (_case, run) => {
    expect(await overrun(run)).toMatchObject({ kind: 'failed', error: exceeded })
  })

  it('is retried like any error when the policy wants that', async () => {
    const outcome = await overrun((ctx) => ctx.signal.throwIfAborted(), { retry: fixed })
    expect(outcome).toMatchObject({ kind: 'retry', at: NOW + 1_000, error: exceeded })
  })

  it('leaves a task alone that returns what it has', async () => {
    expect(await overrun(() => 'partial')).toMatchObject({ kind: 'succeeded', result: 'partial' })
  })

  it('does not hide an error of another kind', async () => {
    const outcome = await overrun(() => {
      throw new RangeError('off by one')
    })
    expect(outcome).toMatchObject({ kind: 'failed', error: { type: 'RangeError' } })
  })
})
