import { TwqError } from '../errors.ts'
import { readArray, readSignature, type Signature } from '../protocol/signature.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { stepsOfChain } from './chain.ts'
import { chunksAsGroup } from './chunks.ts'
import { composedJson } from './signature.ts'

/** What was sent, or will be: what handles are made from. */
export type Node = TaskNode | GroupNode

/** A task, and what runs before it. */
export interface TaskNode {
  readonly kind: 'task'
  readonly id: string
  readonly task: string
  /** True when its result comes back to whoever sends. */
  readonly readable: boolean
  readonly parent: Node | undefined
}

/** A group with its members, and what runs before it. */
export interface GroupNode {
  readonly kind: 'group'
  readonly id: string
  readonly members: readonly Node[]
  readonly parent: Node | undefined
}

/** What freezing depends on besides the signature. */
export interface FreezeFacts {
  /** A new id, a UUID. */
  readonly newId: () => string
  /** Where results go; undefined when nobody reads them. */
  readonly replyTo: string | undefined
  /** The root of the task that sends. */
  readonly rootId: string | undefined
}

/** A signature whose every task has its id, and what becomes of it. */
export interface Frozen {
  readonly signature: Signature
  readonly node: Node
}

/** Deeper signatures are nobody's. */
const MOST_NESTED = 100

/**
 * Gives every task of a workflow its id and the queue its result goes to, as Celery's `freeze` does before it sends one
 * (wire specification 4.3, 5.5): so results of steps that workers send later come back too. Pure. Throws
 * `TWQ_MESSAGE_MALFORMED` for what can't be applied, and `TWQ_CHORD_UNSUPPORTED` for a chord.
 */
export function freeze(signature: Signature, facts: FreezeFacts): Frozen {
  return freezeAt(signature, {
    facts,
    rootId: facts.rootId,
    parent: undefined,
    options: {},
    depth: 0,
    path: 'signature',
  })
}

/** Where in the workflow a signature stands. */
interface Place {
  readonly facts: FreezeFacts
  /** The root of the tasks from here on, where it is not the task itself. */
  readonly rootId: string | undefined
  /** What runs before. */
  readonly parent: Node | undefined
  /** Of whatever gives the signature its result: the place in a group. */
  readonly options: JsonObject
  readonly depth: number
  readonly path: string
}

function freezeAt(signature: Signature, place: Place): Frozen {
  const { path, depth } = place
  if (depth > MOST_NESTED) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path} is nested more than ${MOST_NESTED} levels deep`)
  }
  switch (signature.kind) {
    case 'task':
    case 'xmap':
    case 'xstarmap':
      return freezeTask(signature, place)
    case 'chunks':
      return freezeGroup(chunksAsGroup(signature, path), place)
    case 'group':
      return freezeGroup(signature, place)
    case 'chain':
      return freezeChain(signature, place)
    case 'chord':
      throw new TwqError('TWQ_CHORD_UNSUPPORTED', `${path} is a chord, and nothing here can join the tasks of one`)
    default:
      throw new TwqError('TWQ_INTERNAL', `unknown kind of signature ${String(signature.kind satisfies never)}`)
  }
}

function freezeTask(signature: Signature, { facts, options: given, parent }: Place): Frozen {
  const own = signature.options
  const id = textOf(own.task_id) ?? facts.newId()
  const replyTo = own.ignore_result === true ? undefined : facts.replyTo
  // As in Celery: what a signature has already it keeps, its place in a group aside.
  const options = { ...own, task_id: id, reply_to: own.reply_to ?? replyTo, ...given }
  const readable = replyTo !== undefined && options.reply_to === replyTo
  return {
    signature: { ...signature, options: withoutAbsent(options) },
    node: { kind: 'task', id, task: signature.task, readable, parent },
  }
}

function freezeGroup(signature: Signature, place: Place): Frozen {
  const { facts, parent, path, depth } = place
  const id = textOf(signature.options.task_id) ?? facts.newId()
  const frozen = membersOf(signature, path, depth).map((member, index) =>
    freezeAt(member, {
      ...place,
      parent: undefined,
      options: { ...place.options, group_index: index },
      depth: depth + 1,
      path: `${path}.tasks[${index}]`,
    }),
  )
  const tasks = frozen.map((member) => composedJson(member.signature))
  // The nulls are Celery's.
  const options = { root_id: null, parent_id: null, ...signature.options, task_id: id }
  return {
    signature: { ...signature, kwargs: { ...signature.kwargs, tasks }, options },
    node: { kind: 'group', id, members: frozen.map((member) => member.node), parent },
  }
}

function freezeChain(signature: Signature, place: Place): Frozen {
  const { path, depth } = place
  const { task_id: taskId, ...options } = signature.options
  const steps = stepsOfChain({ ...signature, options: {} })
  if (steps.length === 0) throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path} is a chain of no tasks`)
  let { parent, rootId } = place
  const frozen: Frozen[] = []
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1
    // The last step stands for the chain: who waits for the chain, or counts it in a group, means that one.
    const named = isLast && textOf(taskId) !== undefined ? { task_id: taskId, ...step.options } : step.options
    const at = { ...place, parent, rootId, options: isLast ? place.options : {}, depth: depth + 1 }
    const done = freezeAt({ ...step, options: named as JsonObject }, { ...at, path: `${path}.tasks[${index}]` })
    frozen.push(done)
    parent = done.node
    rootId ??= done.node.id
  }
  const tasks = frozen.map((step) => composedJson(step.signature))
  return {
    signature: { ...signature, args: [], options, kwargs: { ...signature.kwargs, tasks } },
    node: (frozen.at(-1) as Frozen).node,
  }
}

/** The members of a group, with those of groups in it. */
function membersOf(group: Signature, path: string, depth: number): Signature[] {
  if (depth > MOST_NESTED) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path} is nested more than ${MOST_NESTED} levels deep`)
  }
  return readArray(group.kwargs.tasks, `${path}.tasks`).flatMap((task, index) => {
    const at = `${path}.tasks[${index}]`
    const member = readSignature(task, at)
    if (member.kind === 'chunks') return membersOf(chunksAsGroup(member, at), at, depth + 1)
    return member.kind === 'group' ? membersOf(member, at, depth + 1) : [member]
  })
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function withoutAbsent(options: { readonly [name: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as JsonObject
}
