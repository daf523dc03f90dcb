import type { Tracer, TracerProvider } from '@opentelemetry/api'
import { createNoopMeter, metrics, propagation, trace } from './api.ts'

/** The provider that stands for one that may be registered later: it has a tracer once there is one. */
type Standing = TracerProvider & { getDelegateTracer?(name: string): Tracer | undefined }

/** Whether anything is registered with the API that makes spans, measures, or carries a context. Asked for every message. */
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
