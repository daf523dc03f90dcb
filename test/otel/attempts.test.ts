import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { beforeEach, describe, expect, it } from 'vitest'
import { defineTask, Ignore, Reject, signature } from '../../src/index.ts'
import { type OpenTelemetryOptions, openTelemetry } from '../../src/otel.ts'
import type { Json } from '../../src/runtime/json.ts'
import { createLogger } from '../../src/runtime/log/logger.ts'
import type { Plugin } from '../../src/tasks/plugin.ts'
import { startTestWorker, until } from '../../src/testing.ts'
import { Sdk } from '../support/an-sdk.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'
/** As Python's instrumentation writes them. */
const HEADERS = { traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'vendor=1', baggage: 'tenant=acme' }

const add = defineTask({
  name: 'add',
  positional: ['x', 'y'],
  run: ({ x, y }: { x: number; y: number }) => x + y,
})

/** The plugin of a worker whose clients, and what they send, are none of its business. */
function receiving(options: OpenTelemetryOptions = {}): Plugin {
  const { aroundSend: _, ...plugin } = openTelemetry(options)
  return plugin
}

let sdk: Sdk
beforeEach(() => {
  const made = new Sdk()
  sdk = made
  return () => made[Symbol.dispose]()
})

describe('the span of an attempt', () => {
  it('is a child of the span that the headers of its message name, in the same trace', async () => {
    await using scene = await startTestWorker({ tasks: [add], plugins: [receiving()] })
    await (await scene.client.send('add', [2, 3], { headers: HEADERS })).result()
    const { kind, parentSpanContext: parent } = sdk.span('run/add')
    expect(kind).toBe(SpanKind.CONSUMER)
    expect(parent).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true })
    expect(parent?.traceState?.get('vendor')).toBe('1')
  })

  it('begins a trace of its own, with a link to that span, where that is asked for', async () => {
    await using scene = await startTestWorker({ tasks: [add], plugins: [receiving({ relation: 'link' })] })
    await (await scene.client.send('add', [2, 3], { headers: HEADERS })).result()
    const span = sdk.span('run/add')
    expect(span.parentSpanContext).toBeUndefined()
    expect(span.spanContext().traceId).not.toBe(TRACE)
    expect(span.links).toMatchObject([{ context: { traceId: TRACE, spanId: SPAN } }])
  })

  it.each([
    ['no text', { traceparent: 5, tracestate: [1], baggage: { tenant: 'acme' } }],
    ['malformed', { traceparent: '00-xyz', tracestate: '=', baggage: ';;=,' }],
    ['too long', { traceparent: `${HEADERS.traceparent}-${'0'.repeat(10_000)}`, baggage: `a=${'b'.repeat(10_000)}` }],
    ['missing', {}],
  ])('begins a trace where the headers are %s', async (_, headers: Readonly<Record<string, Json>>) => {
    await using scene = await startTestWorker({ tasks: [add], plugins: [receiving()] })
    expect(await (await scene.client.send('add', [2, 3], { headers })).result()).toBe(5)
    expect(sdk.span('run/add').parentSpanContext).toBeUndefined()
  })

  it('has the attributes that Python has', async () => {
    await using scene = await startTestWorker({ tasks: [add], plugins: [receiving()], config: { queues: ["it's"] } })
    const expires = new Date('2100-01-01T00:00:00Z')
    const how = { taskId: 'one', priority: 3, retries: 2, timeLimit: '10s', softTimeLimit: 1_500, expires } as const
    await (await scene.client.send('add', [2, 3], how)).result()
    expect(sdk.span('run/add').attributes).toEqual({
      'messaging.system': 'rabbitmq',
      'celery.action': 'run',
      'celery.task_name': 'add',
      'celery.state': 'SUCCESS',
      'messaging.message.id': 'one',
      'messaging.message_id': 'one',
      'messaging.destination': "it's",
      'celery.delivery_info': "{'routing_key': 'it\\'s', 'priority': 3, 'redelivered': False}",
      'celery.hostname': expect.stringMatching(/^gen\d+@/),
      'messaging.conversation_id': 'one',
      'celery.reply_to': expect.any(String),
      'celery.retries': 2,
      'celery.expires': '2100-01-01T00:00:00.000000+00:00',
      'celery.timelimit': [10, 1.5],
    })
  })

  it('has the error of a failure, as its exception and its status', async () => {
    const fails = defineTask({
      name: 'fails',
      run: () => {
        throw new RangeError('not amqp://user:secret@host/')
      },
    })
    await using scene = await startTestWorker({ tasks: [fails], plugins: [receiving()] })
    await (await scene.client.send(fails)).result().catch(() => {})
    const { status, events, attributes } = sdk.span('run/fails')
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'not amqp://user:***@host/' })
    expect(attributes['celery.state']).toBe('FAILURE')
    expect(events).toMatchObject([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'RangeError',
          'exception.message': 'not amqp://user:***@host/',
          'exception.stacktrace': expect.stringContaining('attempts.test.ts'),
        },
      },
    ])
  })

  it('is bounded, and shows any value that is thrown', async () => {
    const odd = defineTask({
      name: 'odd',
      run() {
        throw new Proxy(new Error('x'.repeat(100_000)), {
          get(target, name) {
            if (name === 'name') throw new Error('not told')
            return Reflect.get(target, name)
          },
        })
      },
    })
    await using scene = await startTestWorker({ tasks: [odd], plugins: [receiving()] })
    await (await scene.client.send(odd)).result().catch(() => {})
    const { status, events } = sdk.span('run/odd')
    expect(status.message).toHaveLength(1_001)
    expect(events[0]?.attributes).toMatchObject({ 'exception.type': 'Error' })
  })

  it.each([
    ['is retried with a cause', 'RETRY', 'TypeError: again'],
    ['is retried by its policy', 'RETRY', 'SyntaxError: policy'],
    ['refuses its message', 'REJECTED', undefined],
    ['is ignored', 'IGNORED', undefined],
    ['is replaced', 'IGNORED', undefined],
  ])('of a task that %s says so, and is no error', async (how, state, reason) => {
    const any = defineTask({
      name: 'any',
      positional: ['how'],
      retry: { limit: 1, on: [SyntaxError] },
      run({ how }: { how: string }, ctx) {
        if (how === 'is retried with a cause') ctx.retry({ cause: new TypeError('again'), countdown: '1h' })
        if (how === 'is retried by its policy') throw new SyntaxError('policy')
        if (how === 'refuses its message') throw new Reject('no')
        if (how === 'is ignored') throw new Ignore()
        ctx.replace(signature(add, [1, 1]))
      },
    })
    await using scene = await startTestWorker({ tasks: [any, add], plugins: [receiving()] })
    const { id } = await scene.client.send(any, { how })
    await until(scene, 'settled', id)
    const { attributes, status, events } = sdk.span('run/any')
    expect(attributes['celery.state']).toBe(state)
    expect(attributes['celery.retry.reason']).toBe(reason)
    expect({ status, events }).toEqual({ status: { code: SpanStatusCode.UNSET }, events: [] })
  })

  it('ends as a failure at the hard time limit, though the code runs on', async () => {
    const hung = defineTask({ name: 'hung', timeLimit: { hard: '1s' }, run: () => new Promise(() => {}) })
    await using scene = await startTestWorker({ tasks: [hung, add], plugins: [openTelemetry()] })
    const { id } = await scene.client.send(hung, {}, { linkError: signature(add, [1, 1], { taskId: 'after' }) })
    await scene.clock.pass('1s')
    await until(scene, 'settled', id)
    await until(scene, 'settled', 'after')
    const { status, attributes } = sdk.span('run/hung')
    expect({ status, state: attributes['celery.state'] }).toEqual({
      status: { code: SpanStatusCode.ERROR, message: 'TimeLimitExceeded(1)' },
      state: 'FAILURE',
    })
    expect(sdk.tree).toContain('apply_async/add < run/hung')
  })

  it('is active in the code of the task, with the baggage that came', async () => {
    const deep = defineTask({
      name: 'deep',
      async run() {
        await new Promise((resolve) => setImmediate(resolve))
        trace.getTracer('own').startSpan('within').end()
        return propagation.getBaggage(context.active())?.getEntry('tenant')?.value
      },
    })
    await using scene = await startTestWorker({ tasks: [deep], plugins: [receiving()] })
    const handle = await scene.client.send('deep', [], { headers: HEADERS })
    expect(await handle.result()).toBe('acme')
    expect(sdk.tree).toContain('within < run/deep')
  })

  it('has nothing of the span in which the worker was started', async () => {
    const started = await trace.getTracer('own').startActiveSpan('start', async (span) => {
      const scene = await startTestWorker({ tasks: [add], plugins: [receiving()] })
      span.end()
      return scene
    })
    await using scene = started
    await (await scene.client.send('add', [1, 1])).result()
    expect(sdk.span('run/add').parentSpanContext).toBeUndefined()
  })

  it('is named by each line that the task logs', async () => {
    const lines: Record<string, unknown>[] = []
    const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
    const logger = createLogger({ level: 'info', format: 'json', destination })
    const telling = defineTask({ name: 'telling', run: (_, ctx) => ctx.log.info('told') })
    await using scene = await startTestWorker({ tasks: [telling], plugins: [receiving()], logger })
    await (await scene.client.send(telling)).result()
    const { traceId, spanId } = sdk.span('run/telling').spanContext()
    expect(lines).toContainEqual(expect.objectContaining({ msg: 'told', trace_id: traceId, span_id: spanId }))
  })
})

describe('the metrics of attempts', () => {
  it('count messages and measure how long their tasks ran, by task, queue and class of error', async () => {
    const fails = defineTask({
      name: 'fails',
      run: () => {
        throw new RangeError('no')
      },
    })
    await using scene = await startTestWorker({ tasks: [add, fails], plugins: [receiving()] })
    await (await scene.client.send('add', [1, 1])).result()
    await (await scene.client.send('add', [1, 1])).result()
    await (await scene.client.send('fails')).result().catch(() => {})
    const attributes = {
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'run',
      'messaging.operation.type': 'process',
      'messaging.destination.name': 'celery',
    }
    const expected = [
      { attributes: { ...attributes, 'celery.task_name': 'add' }, count: 2 },
      { attributes: { ...attributes, 'celery.task_name': 'fails', 'error.type': 'RangeError' }, count: 1 },
    ]
    expect(await sdk.measured('messaging.process.duration')).toEqual(expected)
    expect(await sdk.measured('messaging.client.consumed.messages')).toEqual(expected)
  })
})

it('openTelemetry() refuses another relation', () => {
  expect(() => openTelemetry({ relation: 'child' as never })).toThrow(
    expect.objectContaining({
      code: 'TWQ_CONFIG',
      message: expect.stringContaining(`'parent' or 'link', got "child"`),
    }),
  )
})
