import { describe, expect, it } from 'vitest'
import { defineTask, Ignore, Reject } from '../../src/index.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import type { AttemptEnd, Plugin, PluginAttempt } from '../../src/tasks/plugin.ts'
import { startTestWorker, until } from '../../src/testing.ts'

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  retry: { limit: 3 },
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

function around(name: string, aroundAttempt: NonNullable<Plugin['aroundAttempt']>): Plugin {
  return { name, aroundAttempt }
}

describe('a plugin around attempts', () => {
  it('sees the task, its message and its result', async () => {
    const seen: unknown[] = []
    const plugin = around('seeing', async (attempt, next) => {
      const { task, id, queue, args, kwargs, message } = attempt
      const result = await next()
      seen.push({
        task,
        id,
        queue,
        args,
        kwargs,
        own: message.headers.tenant,
        attempt: attempt.context.attempt,
        result,
      })
      return result
    })
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const { id } = await scene.client.send(add, { x: 1, y: 2 }, { headers: { tenant: 'acme' } })
    await until(scene, 'settled', id)
    expect(seen).toEqual([
      { task: 'add', id, queue: 'celery', args: [], kwargs: { x: 1, y: 2 }, own: 'acme', attempt: 1, result: 3 },
    ])
  })

  it('changes arguments and result', async () => {
    const plugin = around('changing', async (attempt, next) => {
      attempt.args = [10, 20]
      attempt.kwargs = {}
      return { sum: await next() }
    })
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const handle = await scene.client.send(add, { x: 1, y: 2 })
    expect(await handle.result()).toEqual({ sum: 30 })
  })

  it('changes arguments for its own attempt only', async () => {
    const given: unknown[] = []
    const flaky = defineTask({
      name: 'flaky',
      positional: ['x'],
      retry: { limit: 1, delay: { base: '1s', jitter: false } },
      run({ x }: { x: number }) {
        given.push(x)
        if (given.length === 1) throw new Error('once more')
      },
    })
    const plugin = around('once', (attempt, next) => {
      if (attempt.context.attempt === 1) attempt.kwargs = { x: 99 }
      return next()
    })
    await using scene = await startTestWorker({ tasks: [flaky], plugins: [plugin] })
    const { id } = await scene.client.send(flaky, { x: 1 })
    await until(scene, 'settled', id)
    await scene.clock.pass('1s')
    await until(scene, 'settled', id)
    expect(given).toEqual([99, 1])
  })

  it('has what it throws be the outcome', async () => {
    const plugin = around('strict', async () => {
      throw new RangeError('not today')
    })
    const once = defineTask({ name: 'once', run: () => 1 })
    await using scene = await startTestWorker({ tasks: [once], plugins: [plugin] })
    const { id } = await scene.client.send(once)
    expect(await until(scene, 'settled', id)).toMatchObject({
      kind: 'failed',
      error: { type: 'RangeError', args: ['not today'] },
    })
  })

  it('is told of arguments that do not fit, which no policy retries', async () => {
    const thrown: unknown[] = []
    const plugin = around('looking', async (_, next) => {
      try {
        return await next()
      } catch (error) {
        thrown.push(error)
        throw error
      }
    })
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const { id } = await scene.client.send('add', [1, 2, 3])
    expect(await until(scene, 'settled', id)).toMatchObject({ kind: 'failed', error: { type: 'TypeError' } })
    expect(thrown).toEqual([expect.objectContaining({ name: 'TypeError' })])
  })

  it('can tell how an error ends the attempt', async () => {
    const ends: AttemptEnd[] = []
    const plugin = around('asking', async (attempt, next) => {
      try {
        return await next()
      } catch (error) {
        ends.push(attempt.outcomeOf(error))
        throw error
      }
    })
    const any = defineTask({
      name: 'any',
      positional: ['how'],
      retry: { limit: 1, on: [TypeError] },
      run({ how }: { how: string }, ctx) {
        if (how === 'ignore') throw new Ignore()
        if (how === 'reject') throw new Reject('no')
        if (how === 'policy') throw new TypeError('again')
        if (how === 'retry') ctx.retry()
        throw new RangeError('failed')
      },
    })
    await using scene = await startTestWorker({ tasks: [any], plugins: [plugin] })
    for (const how of ['ignore', 'reject', 'policy', 'retry', 'fail']) {
      const { id } = await scene.client.send(any, { how })
      await until(scene, 'settled', id)
    }
    expect(ends).toEqual(['ignored', 'rejected', 'retry', 'retry', 'failed'])
  })

  it('fails the attempt where it replaces the arguments by what are none', async () => {
    const plugin = around('careless', (attempt, next) => {
      attempt.args = 'x' as never
      return next()
    })
    await using scene = await startTestWorker({
      tasks: [defineTask({ name: 'once', run: () => 1 })],
      plugins: [plugin],
    })
    const { id } = await scene.client.send('once')
    expect(await until(scene, 'settled', id)).toMatchObject({
      kind: 'failed',
      error: { args: [expect.stringMatching(/replaced the arguments/)] },
    })
  })

  it('fails the attempt whose result it makes unsendable', async () => {
    await using scene = await startTestWorker({
      tasks: [defineTask({ name: 'once', run: () => 1 })],
      plugins: [around('odd', async () => () => {})],
    })
    const { id } = await scene.client.send('once')
    expect(await until(scene, 'settled', id)).toMatchObject({ kind: 'failed', error: { type: 'EncodeError' } })
  })

  it('passes texts on with the outcome, and nothing else', async () => {
    const plugin = around('passing', (attempt, next) => {
      attempt.passOn.traceparent = '00-1'
      Object.assign(attempt.passOn, { number: 5 })
      return next()
    })
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const { id } = await scene.client.send(add, { x: 1, y: 2 })
    expect(await until(scene, 'settled', id)).toMatchObject({ passOn: { traceparent: '00-1' } })
  })

  it('passes nothing on that is larger than 16 KiB', async () => {
    const plugin = around('large', (attempt, next) => {
      attempt.passOn.much = 'x'.repeat(17_000)
      return next()
    })
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const { id } = await scene.client.send(add, { x: 1, y: 2 })
    expect(await until(scene, 'settled', id)).toMatchObject({ passOn: {} })
  })

  it('adds fields to the lines that the task writes, and replaces none of their own', async () => {
    const lines: Record<string, unknown>[] = []
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
    const plugin = around('naming', (attempt, next) => {
      attempt.context.log.info('before')
      attempt.addLogFields({ trace_id: 'abc', task_id: 'forged' })
      attempt.addLogFields({ span_id: 'def' })
      return next()
    })
    const telling = defineTask({ name: 'telling', run: (_, { log }) => log.child({ own: 1 }).info('within') })
    const logger = createLogger({ level: 'info', format: 'json', destination })
    await using scene = await startTestWorker({ tasks: [telling], plugins: [plugin], logger })
    const { id } = await scene.client.send(telling)
    await until(scene, 'settled', id)
    expect(lines.find(({ msg }) => msg === 'within')).toMatchObject({
      trace_id: 'abc',
      span_id: 'def',
      own: 1,
      task_id: id,
    })
    expect(lines.find(({ msg }) => msg === 'before')).not.toHaveProperty('trace_id')
  })

  it('is passed over while it is not active', async () => {
    const notes: string[] = []
    let active = false
    const plugin: Plugin = {
      ...around('sleeping', (attempt, next) => {
        notes.push(attempt.task)
        return next()
      }),
      active: () => active,
    }
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const run = async () => await (await scene.client.send(add, { x: 1, y: 2 })).result()
    expect(await run()).toBe(3)
    expect(notes).toEqual([])
    active = true
    expect(await run()).toBe(3)
    expect(notes).toEqual(['add'])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('who knows')
      },
    ],
    ['returns a promise', async () => false],
  ])('counts as active where its active() %s', async (_, active) => {
    const notes: string[] = []
    const plugin: Plugin = {
      ...around('unsure', (attempt, next) => {
        notes.push(attempt.task)
        return next()
      }),
      active: active as () => never,
    }
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    expect(await (await scene.client.send(add, { x: 1, y: 2 })).result()).toBe(3)
    expect(notes).toEqual(['add'])
  })

  it('of one task is within those of the configuration, and around that task alone', async () => {
    const notes: string[] = []
    const noting = (name: string) =>
      around(name, (attempt: PluginAttempt, next) => {
        notes.push(`${name} ${attempt.task}`)
        return next()
      })
    const own = defineTask({ name: 'own', plugins: [noting('inner')], run: () => 1 })
    await using scene = await startTestWorker({ tasks: [own, add], plugins: [noting('outer')] })
    for (const { id } of [await scene.client.send(own), await scene.client.send(add, { x: 1, y: 1 })]) {
      await until(scene, 'settled', id)
    }
    expect(notes.sort()).toEqual(['inner own', 'outer add', 'outer own'])
  })

  it('is around built-in tasks, too', async () => {
    const tasks: string[] = []
    const plugin = around('noting', (attempt, next) => {
      tasks.push(attempt.task)
      return next()
    })
    await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
    const { id } = await scene.client.send('celery.accumulate', [1, 2])
    expect(await until(scene, 'settled', id)).toMatchObject({ result: [1, 2] })
    expect(tasks).toEqual(['celery.accumulate'])
  })

  it('starts before the first task, and stops after the last one', async () => {
    const notes: string[] = []
    const plugin: Plugin = {
      name: 'noting',
      start: () => {
        notes.push('start')
        return () => void notes.push('stop')
      },
      aroundAttempt: async (_, next) => {
        notes.push('attempt')
        return await next()
      },
    }
    {
      await using scene = await startTestWorker({ tasks: [add], plugins: [plugin] })
      const { id } = await scene.client.send(add, { x: 1, y: 1 })
      await until(scene, 'settled', id)
    }
    expect(notes).toEqual(['start', 'attempt', 'stop'])
  })

  it('that can not be started keeps the worker from starting', async () => {
    const plugin: Plugin = { name: 'broken', start: () => Promise.reject(new Error('no')) }
    await expect(startTestWorker({ tasks: [add], plugins: [plugin] })).rejects.toMatchObject({ code: 'TWQ_PLUGIN' })
  })

  it('that is none is refused with its place', async () => {
    await expect(startTestWorker({ tasks: [add], plugins: [{ name: 'a', start: 5 } as never] })).rejects.toMatchObject({
      code: 'TWQ_CONFIG',
      message: expect.stringContaining("plugins[0] ('a').start must be a function"),
    })
    expect(() => defineTask({ name: 'x', plugins: [{ name: 'a', on: {} } as never], run: () => 1 })).toThrow(
      /'a'.* has on/,
    )
  })
})
