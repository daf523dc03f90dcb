import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { beforeEach, describe, expect, it } from 'vitest'
import { chain, chord, defineTask, group, signature } from '../../src/index.ts'
import { openTelemetry } from '../../src/otel.ts'
import { ManualClock, startTestWorker, until } from '../../src/testing.ts'
import { Sdk, traceparent } from '../support/an-sdk.ts'

const seen = defineTask({ name: 'seen', positional: ['...args'], run: (_, ctx) => ctx.request.headers as never })
const parent = defineTask({ name: 'parent', run: async (_, ctx) => (await ctx.send('seen')).id })

let sdk: Sdk
beforeEach(() => {
  const made = new Sdk()
  sdk = made
  return () => made[Symbol.dispose]()
})

/** Runs code within a span of the caller. */
async function within<Result>(name: string, code: () => Promise<Result>): Promise<Result> {
  return await trace.getTracer('own').startActiveSpan(name, async (span) => {
    try {
      return await code()
    } finally {
      span.end()
    }
  })
}

describe('the span of a send', () => {
  it('is a child of the span that is active, and the message carries it beside other headers', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    const handle = await within('request', () => scene.client.send('seen', [], { headers: { own: 1 } }))
    const span = sdk.span('apply_async/seen')
    expect(await handle.result()).toEqual({ own: 1, traceparent: traceparent(span.spanContext()) })
    expect(span.kind).toBe(SpanKind.PRODUCER)
    expect(sdk.tree).toEqual(['apply_async/seen < request', 'request', 'run/seen < apply_async/seen'])
  })

  it('has the attributes that Python has, as far as they are known', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    await scene.client.send('seen', [], { taskId: 'one', queue: 'celery', priority: 2 })
    expect(sdk.span('apply_async/seen').attributes).toEqual({
      'messaging.system': 'rabbitmq',
      'celery.action': 'apply_async',
      'celery.task_name': 'seen',
      'messaging.message.id': 'one',
      'messaging.message_id': 'one',
      'messaging.destination': 'celery',
      'messaging.destination_kind': 'queue',
      'celery.priority': 2,
    })
  })

  it('has the error of one that fails', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    await scene.client.send('seen', [], { exchange: 'none' }).catch(() => {})
    expect(sdk.span('apply_async/seen')).toMatchObject({
      status: { code: SpanStatusCode.ERROR },
      events: [{ name: 'exception', attributes: { 'exception.type': 'TwqError' } }],
    })
  })

  it('is one for a workflow, with the name of its signature, and each message that starts it carries it', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    await (await scene.client.send(group([signature(seen, []), signature(seen, [])]))).result()
    expect(sdk.tree).toEqual([
      'apply_async/celery.group',
      'run/seen < apply_async/celery.group',
      'run/seen < apply_async/celery.group',
    ])
  })

  it.each([
    ['by what is active', true],
    ['where no context manager is registered', false],
  ])('from within a task is a child of its attempt: %s', async (_, active) => {
    if (!active) context.disable()
    await using scene = await startTestWorker({ tasks: [seen, parent], plugins: [openTelemetry()] })
    const child = (await (await scene.client.send(parent)).result()) as string
    await until(scene, 'settled', child)
    expect(sdk.tree.filter((line) => line.startsWith('apply_async/seen'))).toEqual(['apply_async/seen < run/parent'])
  })

  it('is measured by task, queue and class of error', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    await scene.client.send('seen', [], { queue: 'celery' })
    await scene.client.send('seen', [], { exchange: 'none' }).catch(() => {})
    const attributes = {
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'apply_async',
      'messaging.operation.type': 'send',
      'celery.task_name': 'seen',
    }
    const expected = [
      { attributes: { ...attributes, 'messaging.destination.name': 'celery' }, count: 1 },
      { attributes: { ...attributes, 'error.type': 'TwqError' }, count: 1 },
    ]
    expect(await sdk.measured('messaging.client.operation.duration')).toEqual(expected)
    expect(await sdk.measured('messaging.client.sent.messages')).toEqual(expected)
  })
})

describe('what the worker sends', () => {
  const flaky = defineTask({ name: 'flaky', run: (_, ctx) => (ctx.attempt === 1 ? ctx.retry({ countdown: 0 }) : 1) })
  const fails = defineTask({
    name: 'fails',
    run: () => {
      throw new Error('no')
    },
  })
  const swaps = defineTask({ name: 'swaps', run: (_, ctx) => ctx.replace(signature(seen, [])) })
  const tasks = [seen, flaky, fails, swaps]

  it.each([
    [
      'a retry',
      signature(flaky, {}, { taskId: 'last' }),
      [
        'apply_async/flaky',
        'run/flaky < apply_async/flaky',
        'apply_async/flaky < run/flaky',
        'run/flaky < apply_async/flaky',
      ],
    ],
    [
      'the next step of a chain',
      chain([signature(seen, []), signature(seen, [], { taskId: 'last' })]),
      [
        'apply_async/celery.chain',
        'run/seen < apply_async/celery.chain',
        'apply_async/seen < run/seen',
        'run/seen < apply_async/seen',
      ],
    ],
    [
      'an errback',
      signature(fails, {}, { linkError: signature(seen, [], { taskId: 'last' }) }),
      [
        'apply_async/fails',
        'run/fails < apply_async/fails',
        'apply_async/seen < run/fails',
        'run/seen < apply_async/seen',
      ],
    ],
    [
      'a replacement',
      signature(swaps, {}, { taskId: 'last' }),
      [
        'apply_async/swaps',
        'run/swaps < apply_async/swaps',
        'apply_async/seen < run/swaps',
        'run/seen < apply_async/seen',
      ],
    ],
    [
      'the body of a chord that a worker joins from its queue',
      chord([signature(seen, [])], signature(seen, [], { taskId: 'last' })),
      [
        'apply_async/celery.chord',
        'run/seen < apply_async/celery.chord',
        'apply_async/seen < apply_async/celery.chord',
        'run/seen < apply_async/seen',
      ],
    ],
  ])('belongs to the attempt that it follows: %s', async (_, canvas, tree) => {
    await using scene = await startTestWorker({ tasks, plugins: [openTelemetry()] })
    await scene.client.send(canvas)
    for (let last = 0; last < tree.length; last = sdk.spans.length) {
      await until(scene, 'settled', 'last')
    }
    expect(sdk.tree).toEqual(tree)
    expect(new Set(sdk.spans.map((span) => span.spanContext().traceId)).size).toBe(1)
  })

  it('keeps its span while it waits for its time', async () => {
    await using scene = await startTestWorker({ tasks, plugins: [openTelemetry()] })
    const handle = await scene.client.send('seen', [], { countdown: '1h' })
    await scene.clock.pass('1h')
    await handle.result()
    expect(sdk.tree).toEqual(['apply_async/seen', 'run/seen < apply_async/seen'])
  })

  it('of a schedule begins a trace, whatever span its worker was started in', async () => {
    // Timers of this clock run in the context of what moves it, as those of Node do in that of what has set them.
    const clock = new ManualClock(0)
    const config = { schedules: { often: { task: seen, every: '10s' } } }
    await within('program', async () => {
      const starting = startTestWorker({ tasks: [seen], clock, config, plugins: [openTelemetry()] })
      await clock.pass('1500ms')
      await using _scene = await starting
      await clock.pass('10s')
    })
    expect(sdk.tree).toEqual(['apply_async/seen', 'run/seen < apply_async/seen', 'program'])
  })
})
