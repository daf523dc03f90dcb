import type { Span } from '@opentelemetry/api'
import { cutText } from '../runtime/text/cut-text.ts'
import { describeError } from '../runtime/text/describe-error.ts'
import { maskPasswords } from '../runtime/text/mask-passwords.ts'
import { controlFlowOf } from '../tasks/attempt/control-flow.ts'
import type { AttemptEnd } from '../tasks/plugin.ts'
import { SpanStatusCode } from './api.ts'

const LONGEST_MESSAGE = 1_000
const LONGEST_STACK = 4_000

/** An error as spans show it. */
export interface ShownError {
  readonly name: string
  readonly message: string
  readonly stack?: string | undefined
}

/** Celery's names; an attempt returned to its queue by a shutdown has none. */
const STATES: Readonly<Record<AttemptEnd, string | undefined>> = {
  retry: 'RETRY',
  rejected: 'REJECTED',
  ignored: 'IGNORED',
  replaced: 'IGNORED',
  failed: 'FAILURE',
  interrupted: undefined,
}

/** The attributes of a successful attempt. */
export const ATTEMPT_SUCCEEDED = { 'celery.state': 'SUCCESS' }

/**
 * Records on a span how an attempt ended that threw. As in Python, only a failure is an error; for a retry the reason is
 * recorded.
 */
export function attemptEnd(span: Span, end: AttemptEnd, thrown: unknown): void {
  const state = STATES[end]
  if (state !== undefined) span.setAttribute('celery.state', state)
  if (end === 'failed') recordFailure(span, shownError(thrown))
  if (end === 'retry') span.setAttribute('celery.retry.reason', retryReason(thrown))
}

/** Records an error on a span, and gives it the status of a failure. */
export function recordFailure(span: Span, { name, message, stack }: ShownError): void {
  span.setAttribute('celery.state', 'FAILURE')
  failSpan(span, { name, message, stack })
}

/** Records what was thrown on the span of a send. */
export function recordUnsent(span: Span, thrown: unknown): void {
  failSpan(span, shownError(thrown))
}

/** The class of what was thrown, as `error.type` has it. Never throws. */
export function errorType(thrown: unknown): string {
  return describeError(thrown).type
}

function failSpan(span: Span, { name, message, stack }: ShownError): void {
  const shown = shownText(message, LONGEST_MESSAGE)
  const trace = stack === undefined ? {} : { stack: shownText(stack, LONGEST_STACK) }
  span.recordException({ name, message: shown, ...trace })
  span.setStatus({ code: SpanStatusCode.ERROR, message: shown })
}

/** Never throws, whatever was thrown. */
function shownError(thrown: unknown): ShownError {
  const { type, message, stack } = describeError(thrown)
  return { name: type, message, stack }
}

/** The cause that a task gives for its retry; else the thrown value. */
function retryReason(thrown: unknown): string {
  const asked = controlFlowOf(thrown)
  const cause = asked?.kind === 'retry' ? asked.options.cause : undefined
  const { type, message } = describeError(cause ?? thrown)
  return shownText(`${type}: ${message}`, LONGEST_MESSAGE)
}

/** As in the log: bounded, and without passwords in URLs. */
function shownText(text: string, longest: number): string {
  return maskPasswords(cutText(text, longest))
}
