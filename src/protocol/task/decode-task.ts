import { messageOf } from '../../errors.ts'
import type { Json } from '../../runtime/json.ts'
import { decodeBody } from '../body.ts'
import { Refusal } from '../refusal.ts'
import { isName, readPlace, readTask, type TaskParts, usableReplyTo } from '../task-fields.ts'
import type { Decoded, Malformed } from '../task-message.ts'
import type { Headers, WireMessage } from '../wire.ts'
import { takeApartV1 } from './decode-task-v1.ts'

/** Limits for decoding. */
export interface DecodeLimits {
  /** Bytes of a body, as sent and after decompression. */
  readonly maxBodySize: number
}

/**
 * Parses a task message of protocol 2, protocol 1 or the hybrid form (wire specification 2.2 to 2.10). Never throws: an unusable
 * message is returned as `malformed`, with the reason and the fields that could be read.
 */
export function decodeTask(wire: WireMessage, limits: DecodeLimits): Decoded {
  let found: Pick<TaskParts, 'fields'> & Partial<TaskParts> = { fields: wire.headers }
  try {
    if (wire.headersError !== undefined)
      throw new Refusal('DecodeError', `the headers can't be read: ${wire.headersError}`)
    const body = decodeBody(wire, limits)
    // Read even from a malformed body: a task's links are in the last element.
    found = { fields: wire.headers, embed: Array.isArray(body) ? (body.at(-1) ?? null) : body }
    const parts = takeApart(wire.headers, body)
    found = parts
    return { kind: 'task', message: readTask(parts, wire.headers, wire.properties) }
  } catch (error) {
    return { kind: 'malformed', malformed: describe(error, found, wire) }
  }
}

/** A `task` header identifies protocol 2. */
function takeApart(headers: Headers, body: Json): TaskParts {
  if (!Object.hasOwn(headers, 'task') || !Array.isArray(body)) return takeApartV1(headers, body)
  if (body.length !== 3) {
    throw new Refusal('InvalidTaskError', `the body must be [args, kwargs, embed], but has ${body.length} elements`)
  }
  const [args, kwargs, embed] = body
  return { fields: headers, args, kwargs, embed, protocol: 2, naiveTime: 'utc' }
}

function describe(
  error: unknown,
  found: Pick<TaskParts, 'fields'> & Partial<TaskParts>,
  { properties }: WireMessage,
): Malformed {
  const { fields } = found
  const id = isName(fields.id) ? fields.id : undefined
  return {
    type: error instanceof Refusal ? error.type : 'DecodeError',
    reason: messageOf(error),
    id,
    task: isName(fields.task) ? fields.task : undefined,
    replyTo: usableReplyTo(properties.replyTo),
    correlationId: properties.correlationId || id,
    place: readPlace(found, properties),
  }
}
