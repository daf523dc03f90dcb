import type { Context, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { Headers } from '../protocol/wire.ts'
import { propagation, ROOT_CONTEXT, trace } from './api.ts'

/** The longest header that is read: the limit for W3C's baggage. */
const LONGEST = 8_192

/** Reads headers from the wire: values that are not texts, or are too long, are treated as missing. */
const getter: TextMapGetter<Headers> = {
  keys: (headers) => Object.keys(headers),
  get(headers, key) {
    const value = headers[key]
    return typeof value === 'string' && value.length <= LONGEST ? value : undefined
  },
}

const setter: TextMapSetter<Record<string, unknown>> = {
  set(headers, key, value) {
    headers[key] = value
  },
}

/** The context from headers, or from texts that an attempt passed on, without anything active here. */
export function readContext(carrier: Headers): Context {
  return propagation.extract(ROOT_CONTEXT, carrier, getter)
}

/** Sets the headers that carry a context: `traceparent` and others of the registered propagator. */
export function writeContext(from: Context, carrier: Record<string, unknown>): void {
  propagation.inject(from, carrier, setter)
}

/** Whether a context has a span, here or elsewhere. */
export function hasSpan(of: Context): boolean {
  return trace.getSpanContext(of) !== undefined
}
