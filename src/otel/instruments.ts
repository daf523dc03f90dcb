import type { Attributes, Counter, Histogram, MeterProvider } from '@opentelemetry/api'
import { metrics, ValueType } from './api.ts'

/** The bucket boundaries of the conventions, and larger ones for long tasks. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 30, 60, 300, 1_800]

interface Instrument {
  readonly provider: MeterProvider
  readonly sent: Counter
  readonly consumed: Counter
  readonly sending: Histogram
  readonly processing: Histogram
}

/** A message that was sent or run: its task, its queue if known, and the class of its error. */
export interface Measured {
  readonly task: string
  readonly queue: string | undefined
  readonly error: string | undefined
}

/** The metrics of the semantic conventions for messaging. */
export class Instruments {
  readonly #scope: string
  readonly #given: MeterProvider | undefined
  #made: Instrument | undefined

  constructor(scope: string, provider: MeterProvider | undefined) {
    this.#scope = scope
    this.#given = provider
  }

  /** Counts a sent message, or a send that failed with an error, and its duration. */
  sent(milliseconds: number, measured: Measured): void {
    const { sent, sending } = this.#instruments()
    const attributes = attributesOf('apply_async', 'send', measured)
    sent.add(1, attributes)
    sending.record(milliseconds / 1_000, attributes)
  }

  /** Counts a message whose task has run, or has failed with an error, and its duration. */
  processed(milliseconds: number, measured: Measured): void {
    const { consumed, processing } = this.#instruments()
    const attributes = attributesOf('run', 'process', measured)
    consumed.add(1, attributes)
    processing.record(milliseconds / 1_000, attributes)
  }

  /** Those of the provider registered now: unlike tracers, meters created before registration measure nothing. */
  #instruments(): Instrument {
    const provider = this.#given ?? metrics.getMeterProvider()
    if (this.#made?.provider !== provider) this.#made = instrumentsOf(provider, this.#scope)
    return this.#made
  }
}

function attributesOf(name: string, type: string, { task, queue, error }: Measured): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
    'celery.task_name': task,
    ...(queue !== undefined && { 'messaging.destination.name': queue }),
    ...(error !== undefined && { 'error.type': error }),
  }
}

function instrumentsOf(provider: MeterProvider, scope: string): Instrument {
  const meter = provider.getMeter(scope)
  const count = (name: string, description: string): Counter =>
    meter.createCounter(name, { description, unit: '{message}', valueType: ValueType.INT })
  const duration = (name: string, description: string): Histogram =>
    meter.createHistogram(name, { description, unit: 's', advice: { explicitBucketBoundaries: SECONDS } })
  return {
    provider,
    sent: count('messaging.client.sent.messages', 'Messages that were sent.'),
    consumed: count('messaging.client.consumed.messages', 'Messages whose task has run.'),
    sending: duration('messaging.client.operation.duration', 'How long sending took.'),
    processing: duration('messaging.process.duration', 'How long tasks ran.'),
  }
}
