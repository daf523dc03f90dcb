import { describe, expect, it } from 'vitest'
import { chain, chord, defineTask, group, Retry, signature } from '../../src/index.ts'
import type { Json } from '../../src/runtime/json.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'
import { CANVAS_BRAND } from '../../src/tasks/brand.ts'
import type { Plugin, PluginSend } from '../../src/tasks/plugin.ts'
import type { Canvas, TaskHandle } from '../../src/tasks/sending.ts'
import { startTestWorker, until } from '../../src/testing.ts'

const seen = defineTask({
  name: 'seen',
  positional: ['...args'],
  run: (_: { args: readonly Json[] }, ctx) => ctx.request.headers as never,
})

function sending(name: string, aroundSend: NonNullable<Plugin['aroundSend']>): Plugin {
  return { name, aroundSend }
}

/** Adds a header to each send, and notes it. */
function marking(notes: string[]): Plugin {
  return sending('marking', async (send, next) => {
    notes.push(`${send.kind} ${send.task}`)
    send.headers.mark = send.kind
    return await next()
  })
}

/** A log that is kept, as objects. */
function aKeptLog() {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({
    level: 'warn',
    format: 'json',
    destination: {
      write: (text: string) =>
        void lines.push(
          ...text
            .trim()
            .split('\n')
            .map((line) => JSON.parse(line)),
        ),
    },
  })
  return { lines, logger }
}

describe('a plugin around the sends of a client', () => {
  it('sets headers and options, and knows the id', async () => {
    const told: PluginSend[] = []
    const plugin = sending('one', async (send, next) => {
      told.push(send)
      send.headers.tenant = 'acme'
      send.options.countdown = '1m'
      const sent = await next()
      expect(sent.id).toBe(send.id)
      return sent
    })
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    const handle = await scene.client.send('seen', [1], { headers: { own: 1 } })
    expect(told).toMatchObject([{ kind: 'task', task: 'seen', id: handle.id, args: [1] }])
    expect(await handle.state()).toBe('PENDING')
    await scene.clock.pass('1m')
    expect(await handle.result()).toEqual({ own: 1, tenant: 'acme' })
  })

  it('is passed over while it is not active, in the worker as well', async () => {
    const notes: string[] = []
    await using scene = await startTestWorker({
      tasks: [seen],
      plugins: [{ ...marking(notes), active: () => false }],
    })
    const handle = await scene.client.send(chain([signature(seen, []), signature(seen, [])]))
    expect(await handle.result()).toEqual({})
    expect(notes).toEqual([])
  })

  it('fails the send by what it throws', async () => {
    const plugin = sending('strict', async () => {
      throw new RangeError('not this one')
    })
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    await expect(scene.client.send('seen', [])).rejects.toThrow(new RangeError('not this one'))
    expect(await scene.waiting()).toBe(0)
  })

  it.each([
    [
      'returns without sending',
      async () => ({ id: 'x' }),
      /'odd' has not sent seen\[.*\]: it returned without next\(\)/,
    ],
    ['returns nothing', (() => undefined) as never, /'odd' has not sent/],
  ])('that %s is told of that', async (_, hook, message) => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [sending('odd', hook)] })
    await expect(scene.client.send('seen', [])).rejects.toMatchObject({
      code: 'TWQ_PLUGIN',
      message: expect.stringMatching(message),
    })
  })

  it('that hangs fails the send after publishTimeout, and sends nothing later', async () => {
    const late = deferred<() => Promise<unknown>>()
    const plugin = sending('hanging', (_, next) => {
      late.resolve(next)
      return new Promise(() => {})
    })
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    const sent = scene.client.send('seen', []).catch((error: unknown) => error)
    const next = await late.promise
    await scene.clock.pass('10s')
    expect(await sent).toMatchObject({ code: 'TWQ_PLUGIN', message: expect.stringMatching(/'hanging' took longer/) })
    await expect(next()).rejects.toMatchObject({ code: 'TWQ_PLUGIN' })
  })

  it('gives up with the signal of the send', async () => {
    const plugin = sending('hanging', () => new Promise(() => {}))
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    await expect(scene.client.send('seen', [], { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    )
  })

  it('gets what the broker says against the message', async () => {
    const errors: unknown[] = []
    const plugin = sending('looking', (_, next) =>
      next().catch((error) => {
        errors.push(error)
        return { id: '' }
      }),
    )
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    await expect(scene.client.send('seen', [], { exchange: 'none' })).rejects.toMatchObject({
      code: expect.stringMatching(/^TWQ_/),
    })
    expect(errors).toHaveLength(1)
  })

  it('is around a workflow once, and its headers are on each message that starts it', async () => {
    const notes: string[] = []
    await using scene = await startTestWorker({ tasks: [seen], plugins: [marking(notes)] })
    const handle = await scene.client.send(group([signature(seen, []), signature(seen, [])]))
    expect(await handle.result()).toEqual([{ mark: 'canvas' }, { mark: 'canvas' }])
    expect(notes).toEqual(['canvas celery.group'])
  })

  it.each([
    ['a chain', 'celery.chain', chain([signature(seen, []), signature(seen, [])])],
    ['a chord', 'celery.chord', chord([signature(seen, [])], signature(seen, []))],
    ['a task', 'seen', signature(seen, [])],
    ['one of another copy of twq', 'seen', { [CANVAS_BRAND]: true, toJSON: () => signature(seen, []).toJSON() }],
  ])('is told the name of a workflow: %s', async (_, name, canvas) => {
    const notes: string[] = []
    await using scene = await startTestWorker({ tasks: [seen], plugins: [marking(notes)] })
    await (await scene.client.send(canvas as Canvas<TaskHandle>)).result()
    expect(notes[0]).toBe(`canvas ${name}`)
  })
})

describe('a plugin around the sends of a worker', () => {
  it('is around ctx.send once, with the message of the task that sends', async () => {
    const parents: unknown[] = []
    const plugin = sending('noting', (send, next) => {
      if (send.parent !== undefined) parents.push(send.parent.task)
      return next()
    })
    const parent = defineTask({ name: 'parent', run: async (_, ctx) => (await ctx.send('seen', [])).id })
    await using scene = await startTestWorker({ tasks: [seen, parent], plugins: [plugin] })
    const id = (await (await scene.client.send(parent)).result()) as string
    await until(scene, 'settled', id)
    expect(parents).toEqual(['parent'])
  })

  it('puts headers on a retry, with what its attempt passed on', async () => {
    const plugin: Plugin = {
      name: 'tracing',
      aroundAttempt(attempt, next) {
        attempt.passOn.trace = `of attempt ${attempt.context.attempt}`
        return next()
      },
      aroundSend(send, next) {
        if (send.kind === 'retry') send.headers.trace = send.passOn.trace ?? 'none'
        return next()
      },
    }
    const flaky = defineTask({
      name: 'flaky',
      run(_, ctx) {
        if (ctx.attempt === 1) throw new Retry({ countdown: '1s' })
        return {
          attempt: ctx.attempt,
          trace: ctx.request.headers.trace ?? null,
          own: ctx.request.headers.own ?? null,
        } as never
      },
    })
    await using scene = await startTestWorker({ tasks: [flaky], plugins: [plugin] })
    const handle = await scene.client.send(flaky, {}, { headers: { own: 1 } })
    await until(scene, 'settled', handle.id)
    await scene.clock.pass('1s')
    expect(await handle.result()).toEqual({ attempt: 2, trace: 'of attempt 1', own: 1 })
  })

  it('puts headers on callbacks, errbacks and the body of a chord', async () => {
    const notes: string[] = []
    const fails = defineTask({
      name: 'fails',
      run: () => {
        throw new Error('no')
      },
    })
    await using scene = await startTestWorker({ tasks: [seen, fails], plugins: [marking(notes)] })
    const chained = await scene.client.send(chain([signature(seen, []), signature(seen, [])]))
    expect(await chained.result()).toEqual({ mark: 'callback' })
    const joined = await scene.client.send(chord([signature(seen, [])], signature(seen, [])))
    expect(await joined.result()).toEqual({ mark: 'chord-body' })
    const failed = await scene.client.send(fails, {}, { linkError: signature(seen, []), taskId: 'failing' })
    await until(scene, 'settled', failed.id)
    expect(notes).toContain('errback seen')
  })

  it('knows the queue of what the worker sends', async () => {
    const queues: unknown[] = []
    const plugin = sending('noting', (send, next) => {
      queues.push([send.kind, send.options.queue])
      return next()
    })
    const flaky = defineTask({ name: 'flaky', run: (_, ctx) => (ctx.attempt === 1 ? ctx.retry({ countdown: 0 }) : 1) })
    const config = { queues: ['first', 'second'] }
    await using scene = await startTestWorker({ tasks: [seen, flaky], plugins: [plugin], config })
    const handle = await scene.client.send(
      flaky,
      {},
      { link: signature(seen, [], { queue: 'second', taskId: 'next' }) },
    )
    expect(await handle.result()).toBe(1)
    await until(scene, 'settled', 'next')
    expect(queues).toEqual([
      ['task', undefined],
      ['retry', 'first'],
      ['callback', 'second'],
    ])
  })

  it('finds the headers of the send of a chord when a worker joins it from its queue', async () => {
    const headers: unknown[] = []
    const plugin = sending('noting', (send, next) => {
      if (send.kind === 'chord-body') headers.push(send.parent?.headers.trace)
      return next()
    })
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    const joined = await scene.client.send(chord([signature(seen, [])], signature(seen, [])), {
      headers: { trace: 'of the chord' },
    })
    await joined.result()
    expect(headers).toEqual(['of the chord'])
  })

  it('gets what an attempt passes on that still runs, for the members that a built-in task sends', async () => {
    const passedOn: unknown[] = []
    const plugin: Plugin = {
      name: 'tracing',
      aroundAttempt(attempt, next) {
        attempt.passOn.trace = `of ${attempt.task}`
        return next()
      },
      aroundSend(send, next) {
        if (send.kind === 'member') passedOn.push(send.passOn.trace)
        return next()
      },
    }
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    const call = { task: signature(seen, []).toJSON(), it: [[1], [2]], n: 1 }
    await (await scene.client.send('celery.chunks', call)).result()
    expect(passedOn).toEqual(['of celery.chunks', 'of celery.chunks'])
  })

  it.each(['throws', 'hangs'])('that %s fails the task whose callback it keeps from being sent', async (how) => {
    const { lines, logger } = aKeptLog()
    const asked = deferred<void>()
    const plugin = sending('bad', (send, next) => {
      if (send.kind !== 'callback') return next()
      asked.resolve()
      if (how === 'throws') throw new Error('no callbacks')
      return new Promise(() => {})
    })
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin], logger })
    const handle = await scene.client.send('seen', [], { link: signature(seen, []) })
    await asked.promise
    await scene.clock.pass('11s')
    expect(await until(scene, 'settled', handle.id)).toMatchObject({
      kind: 'failed',
      error: { args: [expect.stringMatching(/plugin 'bad'/)] },
    })
    expect(lines).toContainEqual(expect.objectContaining({ event: 'plugin.failed', plugin: 'bad', hook: 'aroundSend' }))
  })

  it('that throws fails the task whose retry it keeps from being sent', async () => {
    const plugin = sending('bad', (send, next) => {
      if (send.kind === 'retry') throw new Error('no retries')
      return next()
    })
    const flaky = defineTask({ name: 'flaky', run: (_, ctx) => ctx.retry({ countdown: '1s' }) })
    await using scene = await startTestWorker({ tasks: [flaky], plugins: [plugin] })
    const handle = await scene.client.send(flaky)
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'failed' })
    await expect(handle.result()).rejects.toMatchObject({
      code: 'TWQ_TASK_FAILED',
      message: expect.stringMatching(/no retries/),
    })
  })

  it('that throws once a retry is safe fails nothing', async () => {
    const plugin = sending('bad', async (send, next) => {
      const sent = await next()
      if (send.kind === 'retry') throw new Error('too late')
      return sent
    })
    const flaky = defineTask({
      name: 'flaky',
      run: (_, ctx) => (ctx.attempt === 1 ? ctx.retry({ countdown: '1s' }) : 'done'),
    })
    await using scene = await startTestWorker({ tasks: [flaky], plugins: [plugin] })
    const handle = await scene.client.send(flaky)
    expect(await until(scene, 'settled', handle.id)).toMatchObject({ kind: 'retry' })
    await scene.clock.pass('1s')
    expect(await handle.result()).toBe('done')
  })

  it('fails the task whose callback it gives a header of Celery', async () => {
    const plugin = sending('bad', (send, next) => {
      if (send.kind === 'callback') send.headers.id = 'another'
      return next()
    })
    await using scene = await startTestWorker({ tasks: [seen], plugins: [plugin] })
    const handle = await scene.client.send('seen', [], { link: signature(seen, []) })
    expect(await until(scene, 'settled', handle.id)).toMatchObject({
      kind: 'failed',
      error: { args: [expect.stringMatching(/one of Celery's own/)] },
    })
  })
})
