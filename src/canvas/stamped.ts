import { readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import { type Stamps, stampOptions } from '../protocol/stamps.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { bodyOf, headerOf, tasksOf } from './frozen.ts'
import { listOf } from './links.ts'
import { withAnEnd } from './replacement.ts'

/**
 * A signature whose tasks all have the stamps: the steps of a chain, the members of a group, header and body of a chord, and the
 * callbacks and errbacks of each, as with a `StampingVisitor` of Celery. Throws `TWQ_MESSAGE_MALFORMED` for an invalid signature.
 */
export function stamped(signature: Signature, stamps: Stamps): Signature {
  if (Object.keys(stamps).length === 0) return signature
  const { kind, kwargs } = signature
  const options = withStampedLinks(signature.options, stamps)
  switch (kind) {
    case 'group':
    case 'chain': {
      const tasks = tasksOf(signature, kind).map((task) => writeSignature(stamped(task, stamps)))
      return { ...signature, options, kwargs: { ...kwargs, tasks } }
    }
    case 'chord': {
      const header = writeSignature(stamped(headerOf(signature, kind, 0), stamps))
      const body = writeSignature(stamped(bodyOf(signature, kind), stamps))
      return { ...signature, options, kwargs: { ...kwargs, header, body } }
    }
    default:
      return { ...signature, options: { ...options, ...stampOptions(options, stamps) } }
  }
}

/** Signatures of a message, each stamped; null if there are none. */
function allStamped(signatures: readonly Json[] | null, path: string, stamps: Stamps): readonly Json[] | null {
  return signatures?.map((value) => writeSignature(stamped(readSignature(value, path), stamps))) ?? null
}

/**
 * A message whose callbacks, errbacks and later steps have the stamps: the follow-ups of a task that was replaced with stamps.
 */
function withStampedFollowUps(message: TaskMessage, stamps: Stamps): TaskMessage {
  const { callbacks, errbacks, chain, chord } = message.embed
  return {
    ...message,
    embed: {
      callbacks: allStamped(callbacks, 'callbacks', stamps),
      errbacks: allStamped(errbacks, 'errbacks', stamps),
      chain: allStamped(chain, 'chain', stamps),
      chord,
    },
  }
}

/** The replacement of a task: a signature, and the stamps for it and its follow-ups. */
export interface Replacement {
  readonly signature: Json
  readonly stamps?: Stamps | undefined
}

/**
 * A stamped replacement, and the message it replaces with stamped follow-ups; the task that collects the results of a group is
 * stamped as well. Throws `TWQ_MESSAGE_MALFORMED`, and as `standInOf` does.
 */
export function stampedReplacement({ signature, stamps }: Replacement, message: TaskMessage): [Json, TaskMessage] {
  if (stamps === undefined) return [signature, message]
  const standIn = writeSignature(stamped(withAnEnd(readSignature(signature, 'signature')), stamps))
  return [standIn, withStampedFollowUps(message, stamps)]
}

function withStampedLinks(options: JsonObject, stamps: Stamps): JsonObject {
  const { link, link_error: linkError } = options
  if (link === undefined && linkError === undefined) return options
  return {
    ...options,
    ...(link !== undefined && { link: allStamped(listOf<Json>(link), 'link', stamps) }),
    ...(linkError !== undefined && { link_error: allStamped(listOf<Json>(linkError), 'link_error', stamps) }),
  }
}
