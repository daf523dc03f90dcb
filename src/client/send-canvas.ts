import { randomUUID } from 'node:crypto'
import { applySignature, type FollowUp } from '../canvas/apply.ts'
import { freeze, type Node } from '../canvas/freeze.ts'
import { celeryOptions, composedJson, fieldsOf } from '../canvas/signature.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import { checkSendOptions } from '../tasks/send-options.ts'
import type { SendOptions } from '../tasks/sending.ts'
import type { Router } from './router.ts'

/** What the messages of a workflow depend on besides the call. */
export interface CanvasFacts {
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where results go when they are wanted. */
  readonly replyTo: string | undefined
  readonly router: Pick<Router, 'address'>
  /** The message of the task that sends. */
  readonly parent?: TaskMessage | undefined
  /** A new id; for tests. */
  readonly newId?: () => string
}

/** The messages that start a workflow, and what will come of them. */
export interface PreparedCanvas {
  readonly messages: readonly FollowUp[]
  readonly node: Node
}

/**
 * Builds the messages that sending a canvas publishes: those that Celery would (wire specification 5). Throws
 * `TWQ_ARGUMENTS` or `TWQ_MESSAGE_MALFORMED` for what can't be sent, `TWQ_UNSERIALISABLE` for a value without a JSON form.
 */
export function prepareCanvas(canvas: unknown, options: SendOptions, facts: CanvasFacts): PreparedCanvas {
  checkSendOptions(options)
  const { newId = randomUUID, now, origin, router, parent } = facts
  const { task_id: taskId, ...given } = celeryOptions(options)
  const named = fieldsOf(canvas, 'the canvas')
  const whole = taskId === undefined ? named : { ...named, options: { ...named.options, task_id: taskId } }
  const { signature, node } = freeze(whole, { newId, replyTo: facts.replyTo, rootId: parent?.rootId })
  const family = parent === undefined ? {} : { parent_id: parent.id, root_id: parent.rootId }
  const ground = { newId, now, origin, address: router.address }
  const { messages } = applySignature(
    composedJson(signature),
    { args: [], options: { ...given, ...family } },
    ground,
    'canvas',
  )
  return { messages, node }
}
