import { TwqError } from '../errors.ts'
import { encodeTask } from '../protocol/encode-task.ts'
import { stringifyJson } from '../protocol/json.ts'
import { readArray, readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { chunksAsGroup } from './chunks.ts'
import { frozen, type ResultTuple, resultOfChain, resultOfGroup, resultOfTask } from './frozen.ts'
import { readOptions, routeOf, textOf } from './task-options.ts'

/** What applying depends on besides the signature: whoever sends, when, and to where. */
export interface Ground {
  /** A new id, a UUID. */
  readonly newId: () => string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The sender: `gen<pid>@<host>`. */
  readonly origin: string
  /** The queue of a task whose signature names none. */
  readonly queueOf: (task: string) => string
}

/** A message that follows from another one, ready to be published. */
export interface FollowUp {
  readonly id: string
  readonly task: string
  /** To be declared before. */
  readonly queue: string
  readonly outgoing: Outgoing
}

/** What came of applying a signature. */
export interface Applied {
  /** In the order to publish them in. */
  readonly messages: readonly FollowUp[]
  /** What was started, for the `children` of the task that started it; null when that is nothing. */
  readonly child: ResultTuple | null
}

/** How a signature is applied: what comes before its own arguments, and options that win over its own. */
export interface Call {
  readonly args: readonly Json[]
  readonly options: JsonObject
}

/**
 * Applies a signature as Celery does (wire specification 5.1, 5.2): partial arguments come first unless it is immutable,
 * and groups, chains, maps and chunks become the messages that start them. Pure. Throws `TWQ_MESSAGE_MALFORMED` for what
 * is none or too large, `TWQ_CHORD_UNSUPPORTED` for a chord, `TWQ_UNSERIALISABLE` for what has no form on the wire.
 */
export function applySignature(value: Json, call: Call, ground: Ground, path = 'signature'): Applied {
  const application = new Application(ground)
  const { child } = application.apply(readSignature(value, path), call, path, 0)
  return { messages: application.messages, child }
}

/** Applies signatures as the members of one group. An empty one is nothing. */
export function applyAsGroup(members: readonly Json[], call: Call, ground: Ground, path: string): Applied {
  if (members.length === 0) return { messages: [], child: null }
  const group = { task: 'celery.group', kwargs: { tasks: members }, subtask_type: 'group' }
  return applySignature(group, call, ground, path)
}

/** Levels of groups in chains in groups, and so on. */
const MOST_NESTED = 100
/** What one task may start at once. */
const MOST_MESSAGES = 10_000
const MOST_BYTES = 64 * 1024 * 1024

/** What was started, as a parent records it and as a group around it counts it: for a chain, its first and its last step. */
interface Started {
  readonly child: ResultTuple | null
  readonly result: ResultTuple
}

class Application {
  readonly messages: FollowUp[] = []
  readonly #ground: Ground
  #bytes = 0

  constructor(ground: Ground) {
    this.#ground = ground
  }

  apply(signature: Signature, call: Call, path: string, depth: number): Started {
    if (depth > MOST_NESTED) throw malformed(`${path} is nested more than ${MOST_NESTED} levels deep`)
    switch (signature.kind) {
      case 'task':
        return this.#task(signature, call)
      case 'xmap':
      case 'xstarmap':
        return this.#task({ ...signature, immutable: true }, call)
      case 'group':
        return this.#group(signature, call, path, depth)
      case 'chunks':
        return this.#group(chunksAsGroup(signature, path), { args: [], options: call.options }, path, depth)
      case 'chain':
        return this.#chain(signature, call, path, depth)
      case 'chord':
        throw chordUnsupported(path)
      default:
        throw new TwqError('TWQ_INTERNAL', `unknown kind of signature ${String(signature.kind satisfies never)}`)
    }
  }

  #task(signature: Signature, call: Call): Started {
    const { newId, now, origin, queueOf } = this.#ground
    const options = merged(signature, call)
    const id = textOf('task_id', options) ?? newId()
    const message = encodeTask(
      {
        ...readOptions(options, now),
        id,
        task: signature.task,
        origin,
        args: signature.immutable ? signature.args : [...call.args, ...signature.args],
        kwargs: signature.kwargs,
      },
      { now },
    )
    const { queue, route } = routeOf(options, queueOf(signature.task))
    this.messages.push({ id, task: signature.task, queue, outgoing: { route, message } })
    this.#bytes += message.body.length
    if (this.messages.length > MOST_MESSAGES || this.#bytes > MOST_BYTES) throw tooMuch()
    const result = resultOfTask(id)
    return { child: result, result }
  }

  #group(signature: Signature, call: Call, path: string, depth: number): Started {
    // What places the group itself in a larger one is not for its members.
    const { task_id: taskId, group_index: _, link, link_error: linkError, ...options } = merged(signature, call)
    if (hasEntries(link) || hasEntries(linkError)) {
      throw malformed(`${path} is a group with a link: only its members can have one`)
    }
    const groupId = textOf('task_id', present({ task_id: taskId })) ?? this.#ground.newId()
    const members = membersOf(signature, path, depth)
    const results = members.map((member, index) =>
      this.apply(
        frozen(member, { group_id: groupId, group_index: index }),
        { args: call.args, options: { ...options, group_id: groupId } },
        `${path}.tasks[${index}]`,
        depth + 1,
      ),
    )
    const result = resultOfGroup(
      groupId,
      results.map((started) => started.result),
    )
    return { child: members.length === 0 ? null : result, result }
  }

  #chain(signature: Signature, call: Call, path: string, depth: number): Started {
    const { newId } = this.#ground
    const {
      chain: outer,
      link,
      link_error: linkError,
      task_id: taskId,
      group_id: groupId,
      group_index: groupIndex,
      chord,
      ...options
    } = merged(signature, call)
    const steps = stepsOf(signature, path, depth)
    const [first, ...others] = steps
    if (first === undefined) throw malformed(`${path} is a chain of no tasks`)
    boundCopies(linkError, steps)
    // The last step stands for the chain: whoever waits for the chain, or counts it in a group, means that one.
    const forLast = present({ task_id: taskId, group_id: groupId, group_index: groupIndex, chord })
    const prepared = [first, ...others].map((step, index) => {
      const isLast = index === steps.length - 1
      const own = frozen(step, { ...(isLast && forLast), root_id: options.root_id }, newId)
      return linked(withErrbacks(own, linkError), 'link', isLast ? link : undefined)
    })
    const [head, ...rest] = prepared as [Signature, ...Signature[]]
    const remaining = [...readArray(outer, `${path}.chain`), ...rest.map(writeSignature).reverse()]
    const withArguments =
      signature.immutable || call.args.length === 0 ? signature.args : [...call.args, ...signature.args]
    const started = this.apply(
      head,
      { args: withArguments, options: { ...options, chain: remaining } },
      `${path}.tasks[0]`,
      depth + 1,
    )
    const result = rest.length === 0 ? started.result : resultOfChain(prepared)
    return { child: started.child, result }
  }
}

/** Given options win, save for the group that a signature belongs to already; null is none. */
function merged({ options: own }: Signature, { options: given }: Call): JsonObject {
  const options = { ...own, ...present(given) }
  const groupId = own.group_id
  return groupId === undefined || groupId === null ? options : { ...options, group_id: groupId }
}

function present(options: { readonly [name: string]: Json | undefined }): JsonObject {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(entries) as JsonObject
}

/** The members of a group, with those of groups in it. */
function membersOf(group: Signature, path: string, depth: number): Signature[] {
  if (depth > MOST_NESTED) throw malformed(`${path} is nested more than ${MOST_NESTED} levels deep`)
  return tasksOf(group, path).flatMap((member, index) =>
    member.kind === 'group' ? membersOf(member, `${path}.tasks[${index}]`, depth + 1) : [member],
  )
}

/** The steps of a chain, with those of chains in it. A group that something follows is a chord too. */
function stepsOf(chain: Signature, path: string, depth: number): Signature[] {
  const steps = flattenedSteps(chain, path, depth)
  const chord = steps.findIndex(({ kind }, at) => kind === 'chord' || (kind === 'group' && at < steps.length - 1))
  if (chord >= 0) throw chordUnsupported(`${path}.tasks[${chord}]`)
  return steps
}

function flattenedSteps(chain: Signature, path: string, depth: number): Signature[] {
  if (depth > MOST_NESTED) throw malformed(`${path} is nested more than ${MOST_NESTED} levels deep`)
  return tasksOf(chain, path).flatMap((step, index) => {
    const at = `${path}.tasks[${index}]`
    const plain = step.kind === 'group' ? withoutLoneGroup(step, at, depth + 1) : step
    return plain.kind === 'chain' ? flattenedSteps(plain, at, depth + 1) : [plain]
  })
}

/** As Celery: a group of one is that one. */
function withoutLoneGroup(group: Signature, path: string, depth: number): Signature {
  const [only, ...others] = membersOf(group, path, depth)
  return only !== undefined && others.length === 0 ? only : group
}

function tasksOf(signature: Signature, path: string): Signature[] {
  const tasks = readArray(signature.kwargs.tasks, `${path}.kwargs.tasks`)
  return tasks.map((task, index) => readSignature(task, `${path}.tasks[${index}]`))
}

/** A signature with more callbacks, or errbacks, than its own. */
function linked(signature: Signature, option: 'link' | 'link_error', more: Json | undefined): Signature {
  if (!hasEntries(more)) return signature
  const all = [...listOf(signature.options[option]), ...listOf(more)]
  return { ...signature, options: { ...signature.options, [option]: all } }
}

/** A group can have no errbacks of its own: each of its members gets them. */
function withErrbacks(signature: Signature, errbacks: Json | undefined): Signature {
  if (signature.kind !== 'group' || !hasEntries(errbacks)) return linked(signature, 'link_error', errbacks)
  const tasks = tasksOf(signature, 'group').map((member) => writeSignature(withErrbacks(member, errbacks)))
  return { ...signature, kwargs: { ...signature.kwargs, tasks } }
}

function listOf(value: Json | undefined): readonly Json[] {
  if (value === undefined || value === null) return []
  return Array.isArray(value) ? value : [value]
}

function hasEntries(value: Json | undefined): boolean {
  return listOf(value).length > 0
}

/** Every step gets its own copy of the errbacks: a short message must not grow without bounds. */
function boundCopies(errbacks: Json | undefined, steps: readonly Signature[]): void {
  if (!hasEntries(errbacks)) return
  const copies = steps.reduce((sum, { kind, kwargs }) => sum + (kind === 'group' ? listOf(kwargs.tasks).length : 1), 0)
  if (stringifyJson(errbacks, { path: 'link_error' }).length * copies > MOST_BYTES) throw tooMuch()
}

function chordUnsupported(path: string): TwqError {
  return new TwqError(
    'TWQ_CHORD_UNSUPPORTED',
    `${path} is a chord, and this result backend can't join the tasks of one`,
  )
}

function tooMuch(): TwqError {
  return malformed(`more than ${MOST_MESSAGES} messages, or ${MOST_BYTES} bytes, would follow from one task`)
}

function malformed(message: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', message)
}
