import type { MeterProvider, TracerProvider } from '@opentelemetry/api'
import { TwqError } from '../errors.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import type { Plugin } from '../tasks/plugin.ts'
import { trace } from './api.ts'
import { AttemptSpans } from './attempt-spans.ts'
import { Instruments } from './instruments.ts'
import { isRegistered } from './registered.ts'
import { SendSpans } from './send-spans.ts'

/** How tasks are traced and measured; everything is optional. */
export interface OpenTelemetryOptions {
  /**
   * The relation of an attempt's span to that of its send. `parent`: its child, in the same trace, as in Python's
   * instrumentation. `link`: in a trace of its own, with a link. Default `parent`.
   */
  readonly relation?: 'parent' | 'link'
  /** Creates the spans. Default: the provider registered with the API, even if registered later. */
  readonly tracerProvider?: TracerProvider
  /** Creates the metrics. Default: as for `tracerProvider`. */
  readonly meterProvider?: MeterProvider
}

/** The instrumentation scope of the spans and metrics. */
const SCOPE = 'twq'

/**
 * A plugin that creates a span for each attempt and each send, carries their context in message headers, and measures them: for
 * `plugins` of a configuration, a client or a test worker. It registers no SDK and exports nothing: without an SDK it does
 * nothing. Throws `TWQ_CONFIG` for an unknown relation.
 */
export function openTelemetry(options: OpenTelemetryOptions = {}): Plugin {
  const { relation = 'parent', tracerProvider, meterProvider } = options
  checkRelation(relation)
  const given = tracerProvider !== undefined || meterProvider !== undefined
  const tracer = tracerProvider?.getTracer(SCOPE) ?? trace.getTracer(SCOPE)
  const instruments = new Instruments(SCOPE, meterProvider)
  const attempts = new AttemptSpans({ tracer, instruments, relation })
  const sends = new SendSpans({ tracer, instruments, contextOf: (message) => attempts.contextOf(message) })
  return {
    name: 'opentelemetry',
    active: () => given || isRegistered(SCOPE),
    aroundAttempt: (attempt, next) => attempts.around(attempt, next),
    aroundSend: (send, next) => sends.around(send, next),
    on: { failed: (moment) => attempts.failed(moment) },
  }
}

function checkRelation(relation: unknown): void {
  if (relation === 'parent' || relation === 'link') return
  throw new TwqError('TWQ_CONFIG', `openTelemetry: relation must be 'parent' or 'link', got ${shownValue(relation)}`)
}
