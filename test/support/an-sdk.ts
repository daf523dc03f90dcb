import { context, metrics, propagation, type SpanContext, trace } from '@opentelemetry/api'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'

/** The SDK of OpenTelemetry, registered until it is disposed: spans and metrics are kept in memory. */
export class Sdk implements Disposable {
  readonly #exporter = new InMemorySpanExporter()
  readonly #measured = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  readonly #reader = new PeriodicExportingMetricReader({ exporter: this.#measured, exportIntervalMillis: 3_600_000 })

  constructor() {
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(this.#exporter)] })
    provider.register()
    metrics.setGlobalMeterProvider(new MeterProvider({ readers: [this.#reader] }))
  }

  /** The spans that have ended, in that order. */
  get spans(): readonly ReadableSpan[] {
    return this.#exporter.getFinishedSpans()
  }

  /** The first span of a name. Throws where none has ended. */
  span(name: string): ReadableSpan {
    const found = this.spans.find((span) => span.name === name)
    if (found !== undefined) return found
    throw new Error(`no span ${name} among ${this.spans.map((span) => span.name).join(', ')}`)
  }

  /** Each span with its parent, by their names, in the order in which they ended: `run/add < apply_async/add`. */
  get tree(): readonly string[] {
    const names = new Map(this.spans.map((span) => [span.spanContext().spanId, span.name]))
    return this.spans.map(({ name, parentSpanContext: parent }) =>
      parent === undefined ? name : `${name} < ${names.get(parent.spanId) ?? 'unknown'}`,
    )
  }

  /** The values of a metric: of a counter numbers, of a histogram how many were recorded, with their attributes. */
  async measured(name: string): Promise<readonly { readonly attributes: object; readonly count: number }[]> {
    await this.#reader.forceFlush()
    const scopes = this.#measured.getMetrics().at(-1)?.scopeMetrics ?? []
    const found = scopes.flatMap((scope) => scope.metrics).find((metric) => metric.descriptor.name === name)
    return (found?.dataPoints ?? []).map(({ attributes, value }) => ({
      attributes,
      count: typeof value === 'number' ? value : value.count,
    }))
  }

  [Symbol.dispose](): void {
    for (const part of [context, metrics, propagation, trace]) part.disable()
  }
}

/** The header that carries a span. */
export function traceparent({ traceId, spanId }: SpanContext): string {
  return `00-${traceId}-${spanId}-01`
}
