import type { Json, JsonObject } from '../runtime/json.ts'
import { JSON_CONTENT } from './body.ts'
import { withoutDeaths } from './delay-route.ts'
import { encodeBody, encodeTask, expirationOf, timeHeader } from './encode-task.ts'
import { argsRepr, kwargsRepr } from './python-repr.ts'
import { withoutMarks } from './suspect.ts'
import type { TaskMessage } from './task-message.ts'
import type { Headers, HeaderValue, WireMessage } from './wire.ts'

/** What differs from one attempt to the next. */
export interface RetryChange {
  /** When to run again; milliseconds since the epoch. */
  readonly eta: number
  /** The time of sending; milliseconds since the epoch. */
  readonly now: number
  /** Arguments in place of the message's own. */
  readonly override?:
    | { readonly args?: readonly Json[] | undefined; readonly kwargs?: JsonObject | undefined }
    | undefined
}

/**
 * The message that Celery publishes to have a task run again (wire specification 3.4): the same id, one retry more, and
 * the original bytes unless arguments are overridden. `message` is what `original` decoded to. A message of protocol 1
 * goes on as protocol 2.
 */
export function retryMessage(original: WireMessage, message: TaskMessage, change: RetryChange): WireMessage {
  const { override } = change
  const overridden = override?.args !== undefined || override?.kwargs !== undefined
  const args = override?.args ?? message.args
  const kwargs = override?.kwargs ?? message.kwargs
  const retries = message.retries + 1
  if (message.protocol === 1) {
    const origin = message.origin ?? ''
    const custom = withoutItsPast(message.headers)
    const next = { ...message, args, kwargs, headers: {}, retries, eta: change.eta, parentId: message.id, origin }
    const encoded = encodeTask(next, { now: change.now })
    return { ...encoded, headers: { ...custom, ...encoded.headers } }
  }

  const headers: Record<string, HeaderValue> = {
    ...withoutItsPast(original.headers),
    retries,
    eta: timeHeader('eta', change.eta),
    // It is sent from inside itself.
    parent_id: message.id,
  }
  if (overridden) {
    headers.argsrepr = argsRepr(args)
    headers.kwargsrepr = kwargsRepr(kwargs)
    delete headers.compression
  }
  const { contentType, contentEncoding, deliveryMode, priority, correlationId, replyTo } = original.properties
  return {
    properties: {
      ...(overridden ? JSON_CONTENT : { contentType, contentEncoding }),
      deliveryMode: deliveryMode ?? 2,
      priority,
      correlationId: correlationId || message.id,
      replyTo,
      expiration: expirationOf(message.expires, change.now),
    },
    headers,
    body: overridden ? encodeBody(args, kwargs, message.embed) : original.body,
  }
}

/** Headers without those that count what befell this message: dead-lettering, redelivery. The next one is another message. */
function withoutItsPast(headers: Headers): Record<string, HeaderValue> {
  return withoutDeaths(withoutMarks(headers))
}
