import type { Tracer, TracerProvider } from '@opentelemetry/api'
import { createNoopMeter, metrics, propagation, trace } from './api.ts'

/** The provider that stands in for one registered later: it returns a tracer once there is one. */
type Standing = TracerProvider & { getDelegateTracer?(name: string): Tracer | undefined }

/**
 * Whether anything is registered with the API that creates spans, measures, or propagates a context. Called for every message.
 */
export function isRegistered(scope: string): boolean {
  return (
    hasTracer(scope) ||
    propagation.fields().length > 0 ||
    metrics.getMeterProvider().getMeter(scope) !== createNoopMeter()
  )
}

function hasTracer(scope: string): boolean {
  const provider: Standing = trace.getTracerProvider()
  return provider.getDelegateTracer === undefined || provider.getDelegateTracer(scope) !== undefined
}
