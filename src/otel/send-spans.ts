import type { Context, Tracer } from '@opentelemetry/api'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { PluginSend, Sent } from '../tasks/plugin.ts'
import { context, SpanKind, trace } from './api.ts'
import { destinationOf, sendAttributes } from './attributes.ts'
import { hasSpan, readContext, writeContext } from './carrier.ts'
import { errorType, recordUnsent } from './ends.ts'
import type { Instruments } from './instruments.ts'

/** The parts that tracing sends works with. */
export interface SendSpansParts {
  readonly tracer: Tracer
  readonly instruments: Instruments
  /** The context of the attempt at a message that runs here. */
  readonly contextOf: (message: TaskMessage) => Context | undefined
}

/** Creates a span for each send, and adds its context to the message. */
export class SendSpans {
  readonly #parts: SendSpansParts

  constructor(parts: SendSpansParts) {
    this.#parts = parts
  }

  /** Sends in a span of its own. Returns and throws what the send does. */
  async around(send: PluginSend, next: () => Promise<Sent>): Promise<Sent> {
    const { tracer, instruments } = this.#parts
    const { task } = send
    const parent = this.#parentOf(send)
    const span = tracer.startSpan(`apply_async/${task}`, { kind: SpanKind.PRODUCER }, parent)
    if (span.isRecording()) span.setAttributes(sendAttributes(send))
    const own = trace.setSpan(parent, span)
    writeContext(own, send.headers)
    const begin = performance.now()
    let error: string | undefined
    try {
      return await context.with(own, next)
    } catch (thrown) {
      if (span.isRecording()) recordUnsent(span, thrown)
      error = errorType(thrown)
      throw thrown
    } finally {
      span.end()
      instruments.sent(performance.now() - begin, { task, queue: destinationOf(send), error })
    }
  }

  /**
   * The parent context of a send. By the worker: the context passed on by the attempt that ended or, if that was killed, by its
   * send. By a schedule: an empty one. By a caller: the active context or, if that has no span, the context of the attempt that
   * sends.
   */
  #parentOf({ kind, parent, passOn }: PluginSend): Context {
    if (kind !== 'task' && kind !== 'canvas') {
      const passedOn = readContext(passOn)
      return hasSpan(passedOn) || parent === undefined ? passedOn : readContext(parent.headers)
    }
    const active = context.active()
    if (hasSpan(active) || parent === undefined) return active
    return this.#parts.contextOf(parent) ?? active
  }
}
