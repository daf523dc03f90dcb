import { messageOf, TwqError } from '../errors.ts'
import { celeryError, toRemoteError } from '../protocol/exceptions.ts'
import type { RemoteError } from '../protocol/result-record.ts'
import { isName, isObject, usableReplyTo } from '../protocol/task-fields.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json } from '../runtime/json.ts'
import { type Applied, applyAsGroup, applySignature, type Call, type FollowUp, type Ground } from './apply.ts'

/** What is sent because a task succeeded, and what its result lists as its children. */
export interface Successors {
  readonly messages: readonly FollowUp[]
  readonly children: readonly Json[]
}

/** What is sent because a task failed, and why the rest can't be. */
export interface Errbacks {
  readonly messages: readonly FollowUp[]
  readonly problems: readonly string[]
}

/** A task that will never be sent, because one before it in its chain did not succeed; whoever waits for it must be told. */
export interface Abandoned {
  readonly id: string
  readonly replyTo: string
  readonly correlationId: string
}

/** True for a message that asks for nothing to be done after its task: most of them. */
export function hasNoFollowUps({ embed: { callbacks, errbacks, chain } }: TaskMessage): boolean {
  return callbacks === null && errbacks === null && chain === null
}

/**
 * What a success starts (wire specification 5.3): the callbacks, several of them as a new group, and the next step of the
 * chain, each with the result as its first argument. Pure. Throws as `applySignature` does; nothing is to be sent then.
 */
export function successorsOf(message: TaskMessage, result: Json, ground: Ground): Successors {
  const call: Call = { args: [result], options: { parent_id: message.id, root_id: message.rootId } }
  const { callbacks, chain } = message.embed
  const applied: Applied[] = []
  if (callbacks !== null && callbacks.length > 1) applied.push(...applyCallbacks(callbacks, call, ground))
  else if (callbacks?.[0] !== undefined) applied.push(applySignature(callbacks[0], call, ground, 'callbacks[0]'))
  // The list is reversed: the next step is its last element (trap 4 of the wire specification).
  const next = chain?.at(-1)
  if (chain && next !== undefined) {
    const step: Call = { args: call.args, options: { ...call.options, chain: chain.slice(0, -1) } }
    applied.push(applySignature(next, step, ground, `chain[${chain.length - 1}]`))
  }
  return {
    messages: applied.flatMap(({ messages }) => messages),
    children: applied.flatMap(({ child }) => (child === null ? [] : [child])),
  }
}

/** Groups stay by themselves; all the others become one new group. */
function applyCallbacks(callbacks: readonly Json[], call: Call, ground: Ground): Applied[] {
  const isGroup = (callback: Json) => isObject(callback) && callback.subtask_type === 'group'
  const groups = callbacks.filter(isGroup).map((group) => applySignature(group, call, ground, 'callbacks'))
  const others = callbacks.filter((callback) => !isGroup(callback))
  return [...groups, applyAsGroup(others, call, ground, 'callbacks')]
}

/**
 * What a failure starts (wire specification 5.4): each errback with the id of the failed task as its first argument, all in
 * one new group. Celery may call an errback inside the failing worker with the exception itself; that can't be done across
 * languages. An errback that can't be applied is a problem and no obstacle to the others. Pure.
 */
export function errbacksOf(message: TaskMessage, ground: Ground): Errbacks {
  const groupId = ground.newId()
  const messages: FollowUp[] = []
  const problems: string[] = []
  for (const [index, errback] of (message.embed.errbacks ?? []).entries()) {
    const place = { group_id: groupId, group_index: index }
    const options = { parent_id: message.id, root_id: message.rootId, ...place }
    try {
      messages.push(...applySignature(errback, { args: [message.id], options }, ground, `errbacks[${index}]`).messages)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  return { messages, problems }
}

/** Far more than any chain has; beyond it a message is up to no good. */
const MOST_ABANDONED = 10_000
const MOST_NESTED = 100

/**
 * The tasks that were to run later in the chain of a task that did not succeed. Celery tells those who wait for a step
 * (wire specification 4.6) and leaves the members of a group waiting; here they are told too. Never throws.
 */
export function abandonedBy(message: TaskMessage): readonly Abandoned[] {
  const abandoned: Abandoned[] = []
  for (const step of message.embed.chain ?? []) collectAbandoned(step, abandoned, 0)
  return abandoned
}

function collectAbandoned(signature: Json | undefined, abandoned: Abandoned[], depth: number): void {
  if (!isObject(signature) || depth > MOST_NESTED || abandoned.length >= MOST_ABANDONED) return
  const { options, kwargs } = signature
  if (isObject(options) && isName(options.task_id) && options.ignore_result !== true) {
    const replyTo = typeof options.reply_to === 'string' ? usableReplyTo(options.reply_to) : undefined
    abandoned.push({ id: options.task_id, replyTo: replyTo ?? '', correlationId: options.task_id })
  }
  if (!isObject(kwargs) || typeof signature.subtask_type !== 'string') return
  if (Array.isArray(kwargs.tasks)) for (const task of kwargs.tasks) collectAbandoned(task, abandoned, depth + 1)
  collectAbandoned(kwargs.body, abandoned, depth + 1)
}

/**
 * The failure of a task whose follow-ups can't be sent, as Celery has it: its own success is worth nothing to those who
 * wait for what was to follow. Undefined for errors that say nothing about the follow-ups themselves.
 */
export function failureOfFollowUps(error: unknown): RemoteError | undefined {
  if (!TwqError.is(error)) return undefined
  const text = `what was to follow this task could not be sent: ${error.message}`
  switch (error.code) {
    case 'TWQ_MESSAGE_MALFORMED':
      return celeryError('InvalidTaskError', [text])
    case 'TWQ_CHORD_UNSUPPORTED':
      return { type: 'NotImplementedError', module: 'builtins', args: [text], traceback: null }
    case 'TWQ_PUBLISH_UNROUTABLE':
    case 'TWQ_PUBLISH_REFUSED':
    case 'TWQ_QUEUE_MISSING':
    case 'TWQ_BROKER_PERMISSION':
      return { type: 'OperationalError', module: 'kombu.exceptions', args: [text], traceback: null }
    case 'TWQ_UNSERIALISABLE':
    case 'TWQ_USAGE':
      return { ...toRemoteError(error), args: [text], traceback: null }
    default:
      return undefined
  }
}
