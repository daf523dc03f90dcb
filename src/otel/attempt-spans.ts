import type { Context, Link, Span, Tracer } from '@opentelemetry/api'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { PluginAttempt, TaskFailure, TaskMoment } from '../tasks/plugin.ts'
import { context, SpanKind, trace } from './api.ts'
import { attemptAttributes, messageAttributes } from './attributes.ts'
import { readContext, writeContext } from './carrier.ts'
import { ATTEMPT_SUCCEEDED, attemptEnd, errorType, recordFailure } from './ends.ts'
import type { Instruments } from './instruments.ts'

/** The parts that tracing attempts works with. */
export interface AttemptSpansParts {
  readonly tracer: Tracer
  readonly instruments: Instruments
  readonly relation: 'parent' | 'link'
}

/** An attempt that runs here. */
interface Running {
  readonly span: Span
  readonly context: Context
}

/** Creates a span for each attempt, active in the task's code. */
export class AttemptSpans {
  readonly #parts: AttemptSpansParts
  readonly #running = new WeakMap<TaskMessage, Running>()

  constructor(parts: AttemptSpansParts) {
    this.#parts = parts
  }

  /** The context of the attempt at a message that runs here, or last ran here. */
  contextOf(message: TaskMessage): Context | undefined {
    return this.#running.get(message)?.context
  }

  /** Runs an attempt in a span of its own. Returns and throws what the attempt does. */
  async around(attempt: PluginAttempt, next: () => Promise<unknown>): Promise<unknown> {
    const { message, task, queue } = attempt
    const received = readContext(message.headers)
    const span = this.#start(task, received)
    const own = trace.setSpan(received, span)
    this.#running.set(message, { span, context: own })
    writeContext(own, attempt.passOn)
    if (span.isRecording()) {
      const { traceId, spanId } = span.spanContext()
      attempt.addLogFields({ trace_id: traceId, span_id: spanId })
      span.setAttributes(attemptAttributes(attempt))
    }
    const begin = performance.now()
    let error: string | undefined
    try {
      const result = await context.with(own, next)
      if (span.isRecording()) span.setAttributes(ATTEMPT_SUCCEEDED)
      return result
    } catch (thrown) {
      const end = attempt.outcomeOf(thrown)
      if (span.isRecording()) attemptEnd(span, end, thrown)
      if (end === 'failed') error = errorType(thrown)
      throw thrown
    } finally {
      // An attempt whose hard time limit expired has ended, though its code may still run.
      if (span.isRecording()) span.end()
      this.#parts.instruments.processed(performance.now() - begin, { task, queue, error })
    }
  }

  /**
   * Ends the span of an attempt whose hard time limit expired while its code still runs. If a thread or process died together
   * with its span, a new span with the same parent replaces it.
   */
  failed({ task, queue, message, how, error, startedAt }: TaskMoment & TaskFailure): void {
    if (how !== 'timed-out' && how !== 'lost') return
    const here = this.#running.get(message)
    const span = here?.span ?? this.#start(task, readContext(message.headers), startedAt)
    if (!span.isRecording()) return
    if (here === undefined) span.setAttributes(messageAttributes(message, queue))
    recordFailure(span, { name: error.type, message: `${error.type}(${error.args.map(String).join(', ')})` })
    span.end()
  }

  #start(task: string, received: Context, startTime?: number): Span {
    const { tracer, relation } = this.#parts
    const sent = trace.getSpanContext(received)
    const links: Link[] = relation === 'link' && sent !== undefined ? [{ context: sent }] : []
    const started = startTime === undefined ? {} : { startTime }
    const options = { kind: SpanKind.CONSUMER, links, root: relation === 'link', ...started }
    return tracer.startSpan(`run/${task}`, options, received)
  }
}
