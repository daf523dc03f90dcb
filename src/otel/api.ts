import { TwqError } from '../errors.ts'
import { requireOwn } from '../runtime/own-package.ts'

type Api = typeof import('@opentelemetry/api')

/**
 * The API of OpenTelemetry, an optional peer dependency. Required, not imported: if it is missing, the error says what to
 * install.
 */
export const {
  context,
  createNoopMeter,
  metrics,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  ValueType,
} = load()

function load(): Api {
  try {
    return requireOwn('@opentelemetry/api') as Api
  } catch (cause) {
    throw new TwqError('TWQ_CONFIG', 'twq/otel needs the package @opentelemetry/api, which is not installed', {
      hint: 'npm install @opentelemetry/api',
      cause,
    })
  }
}
