import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signature } from '../../src/canvas/signature.ts'
import { createClient } from '../../src/client/create-client.ts'
import { aProject } from '../support/a-project.ts'
import { traceparent } from '../support/an-sdk.ts'
import { rowsOf } from '../support/markdown-table.ts'
import type { Program } from '../support/program.ts'
import { type RedisServer, startRedis } from '../support/provision/redis.ts'
import { startCeleryWorker } from '../support/python.ts'
import { PythonCaller } from '../support/python-caller.ts'
import { runTwq } from '../support/run-twq.ts'
import { brokerUrl, uniqueName } from '../support/services.ts'
import { startTwqWorker } from '../support/twq-worker.ts'

const TASKS = `
  import { context, propagation, trace } from '@opentelemetry/api'
  import { defineTask, signature } from 'twq'

  export const take = defineTask({
    name: 'take',
    positional: ['python'],
    async run({ python }: { python: string }, ctx) {
      if (ctx.attempt === 1) ctx.retry({ countdown: 0 })
      ctx.log.info({ event: 'took', tenant: propagation.getBaggage(context.active())?.getEntry('tenant')?.value }, 'took')
      await ctx.send('charge', [ctx.queue], { queue: python })
    },
  })
  export const part = defineTask({ name: 'part', run: (_: object) => trace.getActiveSpan()?.spanContext().traceId })
  export const grow = defineTask({
    name: 'grow',
    async run(_: object, ctx) {
      await ctx.addToChord(signature('part', [], { queue: ctx.queue }))
      return trace.getActiveSpan()?.spanContext().traceId
    },
  })
  export const total = defineTask({
    name: 'total',
    positional: ['traces'],
    run: ({ traces }: { traces: string[] }, ctx) => ctx.log.info({ event: 'totalled', traces: new Set(traces).size }, 'totalled'),
  })
  let tries = 0
  export const kept = defineTask({
    name: 'kept',
    ackOnFailure: false,
    run: () => {
      if (tries++ === 0) throw new Error('not yet')
    },
  })
  export const hung = defineTask({ name: 'hung', timeLimit: { hard: 500 }, run: () => { for (;;); } })
  export const doomed = defineTask({ name: 'doomed', rejectOnLost: false, run: () => process.exit(3) })
`

// Each process and thread has an SDK, and an exporter in memory whose spans it adds to a file when it ends.
const CONFIG = `
  import { appendFileSync } from 'node:fs'
  import { SpanKind } from '@opentelemetry/api'
  import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
  import { defineConfig } from 'twq'
  import { openTelemetry } from 'twq/otel'

  const exporter = new InMemorySpanExporter()
  new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register()

  const lineOf = (span) => JSON.stringify({
    by: 'twq',
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    trace: span.spanContext().traceId,
    span: span.spanContext().spanId,
    parent: span.parentSpanContext?.spanId ?? null,
    status: span.status.message,
  })
  const writing = {
    name: 'writing',
    start: () => () => appendFileSync(process.env.SPANS, exporter.getFinishedSpans().map((span) => lineOf(span) + '\\n').join('')),
  }
  export default defineConfig({ tasks: ['./tasks.ts'], plugins: [writing, openTelemetry()], concurrency: 2 })
`

interface Span {
  readonly by: string
  readonly name: string
  readonly kind: string
  readonly trace: string
  readonly span: string
  readonly parent: string | null
  readonly status?: string
}

const python = uniqueName('python')
const project = aProject(
  { 'worker.config.ts': CONFIG, 'tasks.ts': TASKS },
  { type: 'module', packages: ['@opentelemetry'] },
)
const spans = join(project.folder, 'spans')
const env = { SPANS: spans }
let redis: RedisServer
let celery: Program
let flask: PythonCaller

beforeAll(async () => {
  redis = await startRedis()
  const settings = { broker: brokerUrl(), resultBackend: redis.url, queue: python, env }
  celery = await startCeleryWorker(settings, { args: ['-Q', python, '-I', 'traced'] })
  flask = await PythonCaller.start(settings)
})

afterAll(async () => {
  await flask?.[Symbol.asyncDispose]()
  await celery?.[Symbol.asyncDispose]()
  await redis?.[Symbol.asyncDispose]()
  project[Symbol.dispose]()
})

/** A worker with spans that Python sends tasks to, from within the handler of a request. */
async function aScene(pool: string) {
  const queue = uniqueName('traced')
  const args = ['--queues', queue, '--pool', pool, '--result-backend', redis.url, '--log-format', 'json']
  const worker = await startTwqWorker({ project: project.folder, broker: brokerUrl(), args, env })
  return {
    worker,
    queue,
    async request(name: string, task: string, given: readonly string[] = []) {
      const send = `lambda: send_task(${JSON.stringify(task)}, ${JSON.stringify(given)}, queue=${JSON.stringify(queue)})`
      return (await flask.evaluate(`__import__("traced").request(${JSON.stringify(name)}, ${send})`)) as string
    },
    /** Ends the worker, which writes its spans then. */
    async end(): Promise<void> {
      worker.signal('SIGTERM')
      await worker.exit
    },
    /** The spans of the last trace that has one of this name. */
    trace(name: string): readonly Span[] {
      const all = readFileSync(spans, 'utf8').trim().split('\n')
      const read = all.map((line) => JSON.parse(line) as Span)
      const trace = read.findLast((span) => span.name === name)?.trace
      return read.filter((span) => span.trace === trace)
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  }
}

/** Spans as rows of the table in docs/tracing.md, each once. */
function rows(trace: readonly Span[]): readonly string[] {
  const names = new Map(trace.map(({ span, name }) => [span, name]))
  const lines = trace.map(({ by, name, kind, parent }) =>
    [`\`${name}\``, kind, by, parent === null ? '' : `\`${names.get(parent) ?? 'unknown'}\``].join(' | '),
  )
  return [...new Set(lines)].sort()
}

/** Those of the page; whichever task of the header ends last sends the body. */
function expected(last: string): readonly string[] {
  const table = rowsOf(readFileSync(join(import.meta.dirname, '../../docs/tracing.md'), 'utf8'), 'span')
  return table
    .map((cells) => (cells[0] === '`apply_async/total`' ? [...cells.slice(0, 3), last] : cells).join(' | '))
    .sort()
}

const SENT = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 }
const KILLED = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 }

function runOf(task: string): string {
  return `\`run/${task}\` | consumer | twq | \`apply_async/${task}\``
}

describe.each(['async', 'solo', 'threads', 'processes'])('with the pool %s', (pool) => {
  it('a request, tasks here and in Python, a retry and a chord are one trace', async () => {
    await using scene = await aScene(pool)
    await scene.request('GET /orders', 'take', [python])
    const { worker } = scene
    expect(await worker.until('took')).toMatchObject({
      tenant: 'acme',
      trace_id: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    expect(await worker.until('totalled')).toMatchObject({ traces: 1 })
    await scene.end()
    const trace = scene.trace('GET /orders')
    const total = trace.find(({ name }) => name === 'apply_async/total')
    const last = trace.find(({ span }) => span === total?.parent)?.name ?? ''
    expect(last).toMatch(/^run\/(part|grow)$/)
    expect(rows(trace)).toEqual(expected(`\`${last}\``))
    expect(trace).toHaveLength(15)
    expect(new Set(trace.map(({ trace }) => trace))).toEqual(new Set([(await worker.until('took')).trace_id]))
  })
})

it('a message keeps its trace through a delay with the broker, its failure and a retry by hand', async () => {
  await using scene = await aScene('async')
  const { worker, queue } = scene
  await using client = createClient({ broker: brokerUrl(), queue, holdFor: 0 })
  await client.send('kept', [], { countdown: '1s', headers: { traceparent: traceparent(SENT) } })
  await worker.until('task.failed', { task: 'kept' })
  const replayed = await runTwq(['failed', 'retry', '--queue', queue, '--broker', brokerUrl()])
  expect(replayed.status).toBe(0)
  await worker.until('task.succeeded', { task: 'kept' })
  await scene.end()
  const trace = scene.trace('run/kept')
  expect(trace.map(({ name, trace, parent }) => ({ name, trace, parent }))).toEqual(
    Array(2).fill({ name: 'run/kept', trace: SENT.traceId, parent: SENT.spanId }),
  )
})

it('an attempt that ends with its process has a span, with its error, whose parent is its send', async () => {
  await using scene = await aScene('processes')
  const { worker, queue } = scene
  await scene.request('GET /hung', 'hung')
  await worker.until('task.timeout')
  await scene.request('GET /doomed', 'doomed')
  await worker.until('task.lost')
  // The span that its errback would belong to is gone with the process.
  await using client = createClient({ broker: brokerUrl(), queue })
  const errback = signature('part', [], { queue, taskId: 'after', immutable: true })
  await client.send('hung', [], { headers: { traceparent: traceparent(KILLED) }, linkError: errback })
  await worker.until('task.succeeded', { task_id: 'after' })

  await scene.end()
  const traces = [scene.trace('GET /hung'), scene.trace('GET /doomed')]
  expect(traces.map(rows)).toEqual([
    ['`GET /hung` | server | Python | ', '`apply_async/hung` | producer | Python | `GET /hung`', runOf('hung')],
    ['`GET /doomed` | server | Python | ', '`apply_async/doomed` | producer | Python | `GET /doomed`', runOf('doomed')],
  ])
  expect(traces.flat().flatMap(({ status }) => status ?? [])).toEqual([
    'TimeLimitExceeded(0.5)',
    expect.stringMatching(/^WorkerLostError\(.*exited prematurely/),
  ])
  const killed = scene.trace('run/hung')
  expect(killed.find(({ name }) => name === 'apply_async/part')?.parent).toBe(KILLED.spanId)
  expect(killed.find(({ name }) => name === 'run/hung')?.parent).toBe(KILLED.spanId)
})
