import type { Context, TextMapGetter, TextMapSetter } from '@opentelemetry/api'
import type { Headers } from '../protocol/wire.ts'
import { propagation, ROOT_CONTEXT, trace } from './api.ts'

/** The longest header that is read: the most that W3C's baggage may have. */
const LONGEST = 8_192

/** Reads headers as they came from the wire: what is no text, or longer than any of these may be, is not there. */
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

/** The context that headers, or texts that an attempt passed on, carry: nothing of what is active here. */
export function readContext(carrier: Headers): Context {
  return propagation.extract(ROOT_CONTEXT, carrier, getter)
}

/** Sets the headers that carry a context, `traceparent` and the others that the registered propagator has. */
export function writeContext(from: Context, carrier: Record<string, unknown>): void {
  propagation.inject(from, carrier, setter)
}

/** Whether a context has a span, here or elsewhere. */
export function hasSpan(of: Context): boolean {
  return trace.getSpanContext(of) !== undefined
}
