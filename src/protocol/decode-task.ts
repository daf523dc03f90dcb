import { messageOf } from '../errors.ts'
import type { Json } from '../runtime/json.ts'
import { decodeBody } from './body.ts'
import { takeApartV1 } from './decode-task-v1.ts'
import { Refusal } from './refusal.ts'
import { type Fields, isName, readTask, type TaskParts, usableReplyTo } from './task-fields.ts'
import type { Decoded, Malformed } from './task-message.ts'
import type { Headers, WireMessage } from './wire.ts'

/** Bounds on what is decoded. */
export interface DecodeLimits {
  /** Bytes of a body, as sent and after inflation. */
  readonly maxBodySize: number
}

/**
 * Reads a task message of protocol 2, protocol 1 or the hybrid of both (wire specification 2.2 to 2.10). Never throws:
 * what can't be used comes back as `malformed`, with the reason and whatever could be read of it.
 */
export function decodeTask(wire: WireMessage, limits: DecodeLimits): Decoded {
  let fields: Fields = wire.headers
  try {
    if (wire.headersError !== undefined)
      throw new Refusal('DecodeError', `the headers can't be read: ${wire.headersError}`)
    const parts = takeApart(wire.headers, decodeBody(wire, limits))
    fields = parts.fields
    return { kind: 'task', message: readTask(parts, wire.headers, wire.properties) }
  } catch (error) {
    return { kind: 'malformed', malformed: describe(error, fields, wire) }
  }
}

/** A `task` header is what marks protocol 2. */
function takeApart(headers: Headers, body: Json): TaskParts {
  if (!Object.hasOwn(headers, 'task') || !Array.isArray(body)) return takeApartV1(headers, body)
  if (body.length !== 3) {
    throw new Refusal('InvalidTaskError', `the body must be [args, kwargs, embed], but has ${body.length} elements`)
  }
  const [args, kwargs, embed] = body
  return { fields: headers, args, kwargs, embed, protocol: 2, naiveTime: 'utc' }
}

function describe(error: unknown, fields: Fields, { properties }: WireMessage): Malformed {
  const id = isName(fields.id) ? fields.id : undefined
  return {
    type: error instanceof Refusal ? error.type : 'DecodeError',
    reason: messageOf(error),
    id,
    task: isName(fields.task) ? fields.task : undefined,
    replyTo: usableReplyTo(properties.replyTo),
    correlationId: properties.correlationId || id,
  }
}
