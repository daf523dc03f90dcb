import { messageOf, TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import { celeryError, toRemoteError } from '../protocol/result/exceptions.ts'
import { RemoteTaskError } from '../protocol/result/remote-task-error.ts'
import type { RemoteError } from '../protocol/result-record.ts'
import { isName, isObject, usableReplyTo } from '../protocol/task-fields.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { type Applied, type ApplyContext, applyAsGroup, applySignature } from './apply.ts'
import type { Call } from './call.ts'
import { resultOfGroup } from './frozen.ts'

/** The messages to send; the chords are registered before. */
export type MessagesToSend = Pick<Applied, 'chords' | 'messages'>

/** The messages that a success sends, and the `children` of its result. */
export interface Successors extends MessagesToSend {
  readonly children: readonly Json[]
}

/** The messages that a failure sends, one list per errback, and the errors of the errbacks that can't be sent. */
export interface Errbacks {
  readonly departures: readonly MessagesToSend[]
  /** The group of the errbacks, as results list it; null if there is none. */
  readonly child: ResultTuple | null
  readonly problems: readonly string[]
}

/** A task that will never be sent because an earlier one did not succeed; its caller gets a failure. */
export interface Abandoned {
  readonly id: string
  readonly replyTo: string
  readonly correlationId: string
  readonly group: string | null
  readonly groupIndex: number | null
  readonly parentId: string | null
  /** The body of the chord that it would have counted for; null if there is none. */
  readonly chord: Json
  /** True if its result is ignored. */
  readonly ignored: boolean
}

/** True for a message without follow-ups: most of them. */
export function hasNoFollowUps({ embed: { callbacks, errbacks, chain } }: TaskMessage): boolean {
  return callbacks === null && errbacks === null && chain === null
}

/**
 * Applies the follow-ups of a success (wire specification 5.3): the callbacks, several of them as a new group, and the next step
 * of the chain, each with the result as its first argument. Pure. Throws as `applySignature` does; then nothing must be sent.
 */
export function successorsOf(message: TaskMessage, result: Json, outside: ApplyContext): Successors {
  const ground = { ...outside, current: message }
  // As in Celery: only here the task's priority takes precedence over the signature's.
  const priority = outside.inheritPriority ? (message.priority ?? null) : null
  const call: Call = { args: [result], options: { parent_id: message.id, root_id: message.rootId, priority } }
  const { callbacks, chain } = message.embed
  const applied: Applied[] = []
  if (callbacks !== null && callbacks.length > 1) applied.push(...applyCallbacks(callbacks, call, ground))
  else if (callbacks?.[0] !== undefined) applied.push(applySignature(callbacks[0], call, ground, 'callbacks[0]'))
  // The list is reversed: the next step is its last element (wire specification, trap 4).
  const next = chain?.at(-1)
  if (chain && next !== undefined) {
    const step: Call = { args: call.args, options: { ...call.options, chain: chain.slice(0, -1) } }
    applied.push(applySignature(next, step, ground, `chain[${chain.length - 1}]`))
  }
  return {
    chords: applied.flatMap(({ chords }) => chords),
    messages: applied.flatMap(({ messages }) => messages),
    children: applied.flatMap(({ child }) => (child === null ? [] : [child])),
  }
}

/** Groups stay separate; all others become one new group. */
function applyCallbacks(callbacks: readonly Json[], call: Call, ground: ApplyContext): Applied[] {
  const isGroup = (callback: Json) => isObject(callback) && callback.subtask_type === 'group'
  const groups = callbacks.filter(isGroup).map((group) => applySignature(group, call, ground, 'callbacks'))
  const others = callbacks.filter((callback) => !isGroup(callback))
  return [...groups, ...applyAsGroup(others, call, ground, 'callbacks')]
}

/** A failed task, or one that will never run: its id, the argument of its errbacks. */
export interface Failed {
  readonly id: string
  readonly rootId: string
  readonly errbacks: readonly Json[]
}

/**
 * Applies the errbacks of a failure (wire specification 5.4): each with the id of the failed task as its first argument, all in
 * one new group. Celery may call an errback inside the failing worker with the exception itself, which is not possible across
 * languages. An errback that can't be applied is reported and does not affect the others. Pure.
 */
export function errbacksOf({ id, rootId, errbacks }: Failed, ground: ApplyContext): Errbacks {
  const groupId = ground.newId()
  const departures: MessagesToSend[] = []
  const members: ResultTuple[] = []
  const problems: string[] = []
  for (const [index, errback] of errbacks.entries()) {
    const options = { parent_id: id, root_id: rootId, group_id: groupId, group_index: index }
    try {
      const applied = applySignature(errback, { args: [id], options }, ground, `errbacks[${index}]`)
      departures.push(applied)
      members.push(applied.result)
    } catch (error) {
      problems.push(messageOf(error))
    }
  }
  return { departures, child: members.length === 0 ? null : resultOfGroup(groupId, members), problems }
}

/**
 * Applies the body of a chord whose header is complete, with the results as its first argument, as a child of the task that ended
 * last (wire specification 4.6). Throws as `applySignature` does. Pure.
 */
export function bodyOfChord(
  body: Json,
  results: readonly Json[],
  last: Pick<TaskMessage, 'id' | 'rootId' | 'priority'>,
  ground: ApplyContext,
): MessagesToSend {
  return applySignature(body, { args: [results], options: {} }, { ...ground, current: last }, 'chord')
}

/** The tasks whose errbacks are called when the header of a chord failed, since its body will not run. Never throws. */
export function failedWithChord(body: Json): readonly Failed[] {
  return endsOf(body, 0).filter(({ errbacks }) => errbacks.length > 0)
}

/** The tasks that represent a signature, with their errbacks: for a chain its last step, with the errbacks of the first. */
function endsOf(signature: Json | undefined, depth: number): readonly Failed[] {
  if (!isObject(signature) || depth > MOST_NESTED) return []
  const { subtask_type: kind } = signature
  const options = isObject(signature.options) ? signature.options : {}
  const kwargs = isObject(signature.kwargs) ? signature.kwargs : {}
  const errbacks = Array.isArray(options.link_error) ? options.link_error : []
  const tasks: readonly Json[] = Array.isArray(kwargs.tasks) ? kwargs.tasks : []
  switch (kind) {
    case 'group':
      return tasks.flatMap((task) => endsOf(task, depth + 1))
    case 'chain': {
      const [last] = endsOf(tasks.at(-1), depth + 1)
      // Not computed twice for the only step of a chain: nested chains would double the time with each level.
      const [first] = tasks.length === 1 ? [last] : endsOf(tasks[0], depth + 1)
      // Errbacks of a chain are added to each of its steps.
      return last === undefined ? [] : [{ ...last, errbacks: errbacks.length > 0 ? errbacks : (first?.errbacks ?? []) }]
    }
    case 'chord':
      return endsOf(kwargs.body, depth + 1)
    default:
      return isName(options.task_id) ? [{ id: options.task_id, rootId: options.task_id, errbacks }] : []
  }
}

/** Far more tasks than any chain has; a message with more is hostile. */
const MOST_ABANDONED = 10_000
const MOST_NESTED = 100

/**
 * The tasks that were to run later in the chain of a task that did not succeed. Celery stores a failure for a step (wire
 * specification 4.6), but not for the members of a group or the body of a chord, whose callers wait for ever; here they fail as
 * well. Never throws.
 */
export function abandonedBy(message: TaskMessage): readonly Abandoned[] {
  return abandonedIn(message.embed.chain ?? [])
}

/** The tasks of a signature that will not be sent, for example the body of a chord, and of its follow-ups. Never throws. */
export function abandonedWith(signature: Json): readonly Abandoned[] {
  const chain = isObject(signature) && isObject(signature.options) ? signature.options.chain : null
  return abandonedIn([signature, ...(Array.isArray(chain) ? chain : [])])
}

function abandonedIn(signatures: readonly Json[]): readonly Abandoned[] {
  const abandoned: Abandoned[] = []
  for (const signature of signatures) collectAbandoned(signature, abandoned, 0)
  return abandoned
}

function collectAbandoned(signature: Json | undefined, abandoned: Abandoned[], depth: number): void {
  if (!isObject(signature) || depth > MOST_NESTED || abandoned.length >= MOST_ABANDONED) return
  const { options, kwargs, subtask_type: kind } = signature
  const composed = kind === 'group' || kind === 'chain' || kind === 'chord'
  if (isObject(options) && isName(options.task_id)) {
    // A signature that represents several tasks is counted by each of them.
    const asked = { reply_to: signature.reply_to ?? null, ...options }
    abandoned.push({ ...waitedFor(options.task_id, asked), ...(composed && { chord: null }) })
  }
  if (!isObject(kwargs) || !composed) return
  if (Array.isArray(kwargs.tasks)) for (const task of kwargs.tasks) collectAbandoned(task, abandoned, depth + 1)
  if (kind !== 'chord') return
  for (const id of idsOfHeader(kwargs.header)) abandoned.push(id)
  collectAbandoned(kwargs.body, abandoned, depth + 1)
}

/** The tasks of a header that never started are not counted; but callers may wait for them. */
function idsOfHeader(header: Json | undefined): readonly Abandoned[] {
  const tasks: Abandoned[] = []
  if (Array.isArray(header)) for (const task of header) collectAbandoned(task, tasks, MOST_NESTED - 3)
  else collectAbandoned(header, tasks, MOST_NESTED - 3)
  return tasks.map((task) => ({ ...task, chord: null }))
}

function waitedFor(id: string, options: JsonObject): Abandoned {
  const replyTo = typeof options.reply_to === 'string' ? usableReplyTo(options.reply_to) : undefined
  return {
    id,
    replyTo: replyTo ?? '',
    correlationId: id,
    group: typeof options.group_id === 'string' ? options.group_id : null,
    groupIndex: Number.isSafeInteger(options.group_index) ? (options.group_index as number) : null,
    parentId: typeof options.parent_id === 'string' ? options.parent_id : null,
    chord: options.chord ?? null,
    ignored: options.ignore_result === true,
  }
}

/**
 * The failure of a task whose follow-ups can't be sent, as in Celery: its own success does not help callers that wait for the
 * follow-ups. Undefined for errors that do not concern the follow-ups themselves.
 */
export function failureOfFollowUps(error: unknown): RemoteError | undefined {
  return failureToSend('what was to follow this task', error)
}

/** The failure of a task whose retry the broker refuses; undefined for other errors. */
export function failureOfRetry(error: unknown): RemoteError | undefined {
  return failureToSend('the retry of this task', error)
}

function failureToSend(what: string, error: unknown): RemoteError | undefined {
  if (RemoteTaskError.is(error)) {
    return { type: error.type, module: error.module, args: error.args, traceback: error.traceback }
  }
  if (!TwqError.is(error)) return undefined
  const text = `${what} could not be sent: ${error.message}`
  switch (error.code) {
    case 'TWQ_MESSAGE_MALFORMED':
      return celeryError('InvalidTaskError', [text])
    case 'TWQ_QUEUE_CREATION':
      return celeryError('QueueNotFound', [text])
    case 'TWQ_CHORD_UNSUPPORTED':
      return { type: 'NotImplementedError', module: 'builtins', args: [text], traceback: null }
    case 'TWQ_PUBLISH_UNROUTABLE':
    case 'TWQ_PUBLISH_REFUSED':
    case 'TWQ_QUEUE_MISSING':
    case 'TWQ_BROKER_PERMISSION':
      return { type: 'OperationalError', module: 'kombu.exceptions', args: [text], traceback: null }
    case 'TWQ_UNSERIALISABLE':
    case 'TWQ_USAGE':
    case 'TWQ_PLUGIN':
      return { ...toRemoteError(error), args: [text], traceback: null }
    default:
      return undefined
  }
}
