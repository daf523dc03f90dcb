import type { Json, JsonObject } from '../../runtime/json.ts'
import { JSON_CONTENT } from '../body.ts'
import { isOfADeath } from '../headers/delay-route.ts'
import { changeHeaders } from '../headers/raw-headers.ts'
import { resendable } from '../headers/resendable.ts'
import { isOfThePast, MAY_HAVE_STARTED, sendsElsewhere } from '../headers/suspect.ts'
import type { TaskMessage } from '../task-message.ts'
import type { WireMessage } from '../wire.ts'
import { displayOfOthers } from './argument-display.ts'
import { encodeBody, encodeTask, expirationOf, timeHeader } from './encode-task.ts'

/** What changes from one attempt to the next. */
export interface RetryChange {
  /** When to run again; milliseconds since the epoch. */
  readonly eta: number
  /** The time of sending; milliseconds since the epoch. */
  readonly now: number
  /** The latest start, replacing the message's own; milliseconds since the epoch. */
  readonly expires?: number | undefined
  /** Arguments that replace the message's own. */
  readonly override?:
    | { readonly args?: readonly Json[] | undefined; readonly kwargs?: JsonObject | undefined }
    | undefined
  /** Whether another run of the attempt that retries may send, or have sent, the same retry. */
  readonly otherRunMaySend?: boolean | undefined
}

/**
 * The message that Celery publishes for a retry (wire specification 3.4): the same id, one retry more, and the original bytes
 * unless arguments are replaced. `message` is the decoded `original`. A protocol 1 message becomes protocol 2. A retry that may be
 * one of two is marked, so that the attempt is told so, and does not run twice at once in one worker.
 */
export function retryMessage(original: WireMessage, message: TaskMessage, change: RetryChange): WireMessage {
  const { override } = change
  const overridden = override?.args !== undefined || override?.kwargs !== undefined
  const args = override?.args ?? message.args
  const kwargs = override?.kwargs ?? message.kwargs
  const retries = message.retries + 1
  const expires = change.expires ?? message.expires
  const marks = change.otherRunMaySend === true ? MAY_HAVE_STARTED : undefined
  const shown = overridden ? displayOfOthers(message, args, kwargs) : message
  if (message.protocol === 1) {
    const origin = message.origin ?? ''
    const { argsRepr, kwargsRepr } = shown
    const next = {
      ...message,
      args,
      kwargs,
      argsRepr,
      kwargsRepr,
      headers: {},
      retries,
      expires,
      eta: change.eta,
      parentId: message.id,
      origin,
    }
    const encoded = encodeTask(next, { now: change.now })
    // The custom headers are the delivered message's; the body is new.
    const drop = (name: string): boolean => isOfAnother(name) || name === 'compression'
    return { ...encoded, ...changeHeaders(original, { drop, set: { ...encoded.headers, ...marks } }) }
  }

  const forms = changeHeaders(original, {
    drop: (name) => isOfAnother(name) || (overridden && name === 'compression'),
    set: {
      retries,
      eta: timeHeader('eta', change.eta),
      ...(change.expires !== undefined && { expires: timeHeader('expires', change.expires) }),
      // As in Celery, a retry is sent by the task itself.
      parent_id: message.id,
      ...(overridden && { argsrepr: shown.argsRepr, kwargsrepr: shown.kwargsRepr }),
      ...marks,
    },
  })
  const { contentType, contentEncoding, deliveryMode, priority, correlationId, replyTo } = original.properties
  return {
    properties: resendable({
      ...(overridden ? JSON_CONTENT : { contentType, contentEncoding }),
      deliveryMode: deliveryMode ?? 2,
      priority,
      correlationId: correlationId || message.id,
      replyTo,
      expiration: expirationOf(expires, change.now),
    }),
    ...forms,
    body: overridden ? encodeBody(args, kwargs, message.embed) : original.body,
  }
}

/**
 * True for headers that describe this message's past (the retry is a new message), and for those that would route it to other
 * queues as well.
 */
function isOfAnother(name: string): boolean {
  return isOfADeath(name) || isOfThePast(name) || sendsElsewhere(name)
}
