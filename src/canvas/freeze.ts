import { TwqError } from '../errors.ts'
import { chordQueue, type QueuedChord } from '../protocol/chord/queued-chord.ts'
import type { Signature } from '../protocol/signature.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { stepsOfChain } from './chain.ts'
import { chunksAsGroup } from './chunks.ts'
import { bodyOf, headerOf, MOST_NESTED, membersOf, resultOfGroup } from './frozen.ts'
import { listOf } from './links.ts'
import { type GroupNode, leavesOf, type Node, tupleOf } from './node.ts'
import { composedJson } from './signature.ts'

/** The context for freezing a workflow. */
export interface FreezeFacts {
  /** A new id, a UUID. */
  readonly newId: () => string
  /** Where results go; undefined if they are not read. */
  readonly replyTo: string | undefined
  /** The root of the task that sends. */
  readonly rootId: string | undefined
  /** How chords are joined: by the workers' result backend, from a queue per chord, or not at all. */
  readonly chords: 'backend' | 'queue' | 'none'
  /** The place in a group for the end of the workflow. */
  readonly place?: JsonObject
}

/** A chord to be joined from its queue. */
export type PlannedChord = Omit<QueuedChord, 'until'>

/** A signature whose every task has its id, and its results. */
export interface Frozen {
  readonly signature: Signature
  readonly node: Node
  /** The chords joined from a queue: in the signature they are groups. */
  readonly chords: readonly PlannedChord[]
}

/**
 * Gives every task of a workflow its id and its reply queue, as Celery's `freeze` does before sending (wire specification 4.3,
 * 5.5): so results of steps that workers send later also come back. A chord joined from a queue becomes a group that replies to
 * it. Pure. Throws `TWQ_MESSAGE_MALFORMED` for an invalid signature, and `TWQ_CHORD_UNSUPPORTED` for a chord that can't be
 * joined.
 */
export function freeze(signature: Signature, facts: FreezeFacts): Frozen {
  const { rootId, replyTo } = facts
  const chords: PlannedChord[] = []
  const start = {
    facts,
    chords,
    rootId,
    replyTo,
    firstReplyTo: replyTo,
    parent: undefined,
    options: facts.place ?? {},
    later: false,
  }
  const { signature: frozen, node } = freezeAt(signature, { ...start, depth: 0, path: 'signature' })
  return { signature: frozen, node, chords }
}

/** The position of a signature in the workflow. */
interface Place {
  readonly facts: FreezeFacts
  /** Collects the chords that are joined from a queue. */
  readonly chords: PlannedChord[]
  /** The root of the tasks from here on, if it is not the task itself. */
  readonly rootId: string | undefined
  /** Where the result of the signature goes: back to the sender, or to the queue of a chord. */
  readonly replyTo: string | undefined
  /** Where the result of its first task goes. */
  readonly firstReplyTo: string | undefined
  /** The task or group that runs before it. */
  readonly parent: Node | undefined
  /** Options for the task that produces this signature's result: group_id, group_index. */
  readonly options: JsonObject
  /** True if a worker will send it. */
  readonly later: boolean
  readonly depth: number
  readonly path: string
}

type Done = Pick<Frozen, 'signature' | 'node'>

function freezeAt(signature: Signature, place: Place): Done {
  const { path, depth } = place
  if (depth > MOST_NESTED) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path} is nested more than ${MOST_NESTED} levels deep`)
  }
  checkLinks(signature, place)
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
      return freezeChord(signature, place)
    default:
      throw new TwqError('TWQ_INTERNAL', `unknown kind of signature ${String(signature.kind satisfies never)}`)
  }
}

function freezeTask(signature: Signature, place: Place): Done {
  const { facts, rootId, parent, path } = place
  const own = signature.options
  const id = textOf(own.task_id) ?? facts.newId()
  const counts = place.replyTo !== facts.replyTo
  if (counts && own.ignore_result === true) {
    throw unsupported(`${path} counts for a chord, but ignores its result`, 'Leave out ignoreResult there')
  }
  const replyTo = own.ignore_result === true ? undefined : facts.replyTo
  // As in Celery, existing values of a signature are kept, except for its place in a group.
  const reply_to = counts ? place.replyTo : (own.reply_to ?? replyTo)
  const options = withoutAbsent({ ...own, task_id: id, reply_to, ...place.options })
  const readable = replyTo !== undefined && reply_to === replyTo
  return {
    signature: { ...signature, options },
    node: { kind: 'task', id, task: signature.task, readable, rootId, parent },
  }
}

function freezeGroup(signature: Signature, place: Place): Done {
  const { facts, parent, path, depth } = place
  const id = textOf(signature.options.task_id) ?? facts.newId()
  const frozen = membersOf(signature, path, depth, 'in order').map((member, index) => {
    const options = { ...place.options, group_index: index }
    return freezeAt(member, { ...place, parent: undefined, options, depth: depth + 1, path: `${path}.tasks[${index}]` })
  })
  const tasks = frozen.map((member) => composedJson(member.signature))
  // The nulls are Celery's.
  const options = { root_id: null, parent_id: null, ...signature.options, task_id: id }
  return {
    signature: { ...signature, kwargs: { ...signature.kwargs, tasks }, options },
    node: { kind: 'group', id, members: frozen.map((member) => member.node), parent },
  }
}

function freezeChain(signature: Signature, place: Place): Done {
  const { path, depth, facts } = place
  const steps = stepsOfChain(signature)
  if (steps.length === 0) throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path} is a chain of no tasks`)
  let { parent, rootId } = place
  const frozen: Done[] = []
  for (const [index, step] of steps.entries()) {
    const isLast = index === steps.length - 1
    const first = index === 0 ? place.firstReplyTo : facts.replyTo
    // The last step represents the chain: a caller that waits for the chain, or a group that counts it, refers to that step.
    const done = freezeAt(step, {
      ...place,
      parent,
      rootId,
      replyTo: isLast ? place.replyTo : first,
      firstReplyTo: isLast && index > 0 ? place.replyTo : first,
      options: isLast ? place.options : {},
      later: place.later || index > 0,
      depth: depth + 1,
      path: `${path}.tasks[${index}]`,
    })
    frozen.push(done)
    parent = done.node
    rootId ??= done.node.id
  }
  const tasks = frozen.map((step) => composedJson(step.signature))
  return {
    signature: { ...signature, args: [], options: {}, kwargs: { ...signature.kwargs, tasks } },
    node: (frozen.at(-1) as Done).node,
  }
}

function freezeChord(signature: Signature, place: Place): Done {
  const { facts, path, depth } = place
  if (facts.chords === 'none') {
    throw unsupported(`${path} is a chord, and the results of its tasks are not kept here`, NEEDS_RESULTS)
  }
  const { task_id: taskId, ...shared } = signature.options
  const header = headerOf(signature, path, depth)
  const body = bodyOf(signature, path)
  const groupId = textOf(header.options.task_id) ?? facts.newId()
  const queued = facts.chords === 'queue'
  const own = textOf(taskId) === undefined ? body.options : { ...body.options, task_id: taskId as string }
  const inBody = { ...place, rootId: place.rootId, later: true, depth: depth + 1, path: `${path}.body` }
  const members = membersOf(header, `${path}.header`, depth, 'in order')
  if (queued && members.length === 0) {
    // As in Celery, there is nothing to wait for.
    const given = givenNothing({ ...body, options: { ...own, ...shared } })
    return freezeAt(given, { ...inBody, options: { group_id: groupId, ...place.options } })
  }
  const queue = chordQueue(groupId)
  const plannedBefore = place.chords.length
  const side = freezeGroup(
    { ...header, options: { ...header.options, ...(queued && shared), task_id: groupId } },
    {
      ...place,
      // A worker that sends the group passes its options to the first task of each member.
      ...(queued && { replyTo: queue, firstReplyTo: place.later ? queue : facts.replyTo }),
      options: queued ? { group_id: groupId } : {},
      depth: depth + 1,
      path: `${path}.header`,
    },
  )
  const nestsChords = place.chords.length > plannedBefore
  const after = { ...inBody, parent: side.node, options: queued ? { group_id: groupId, ...place.options } : {} }
  const end = freezeAt({ ...body, options: { ...own, ...(queued && shared) } }, after)
  if (!queued) {
    const kwargs = {
      ...signature.kwargs,
      header: composedJson(side.signature),
      body: composedJson(nameable(end)),
    }
    // As in Celery, whose workers expect an id in every follow-up of a chain, and crash without one.
    const options = withoutAbsent({ ...shared, ...place.options, task_id: groupId })
    return { signature: { ...signature, options, kwargs }, node: end.node }
  }
  const tree = (side.node as GroupNode).members
  const nested = tree.some(({ kind }) => kind === 'group')
  place.chords.push({
    groupId,
    members: tree.flatMap(leavesOf),
    shape: nested ? resultOfGroup(groupId, tree.map(tupleOf)) : null,
    body: composedJson(end.signature),
  })
  // The worker that would have sent the group later notifies the queue when an earlier step fails.
  if (!place.later) return { signature: side.signature, node: end.node }
  // Chords inside the header have queues of their own: an option of the group would override them in its members.
  const told = nestsChords
    ? { ...side.signature, replyTo: queue }
    : { ...side.signature, options: { ...side.signature.options, reply_to: queue } }
  return { signature: told, node: end.node }
}

/** A chain with the id of its last step, as of Celery 5.6, whose workers use it to fail a body that can't begin. */
function nameable({ signature, node }: Done): Signature {
  return signature.kind === 'chain' ? { ...signature, options: { task_id: node.id } } : signature
}

/** The body of a chord without a header: called with no results. */
function givenNothing(body: Signature): Signature {
  if (body.kind === 'chain') {
    const [first, ...others] = stepsOfChain(body)
    const tasks = first === undefined ? [] : [givenNothing(first), ...others].map(composedJson)
    return { ...body, options: {}, kwargs: { ...body.kwargs, tasks } }
  }
  if (body.kind === 'group' || body.kind === 'chord') {
    const side = body.kind === 'group' ? body : headerOf(body, 'body', 0)
    const tasks = membersOf(side, 'body', 0, 'in order').map((member) => composedJson(givenNothing(member)))
    const kwargs = body.kind === 'group' ? { ...body.kwargs, tasks } : { ...body.kwargs, header: tasks }
    return { ...body, kwargs }
  }
  return body.immutable ? body : { ...body, args: [[], ...body.args], immutable: true }
}

/** Refuses chords in links if no backend joins chords: workers send links unchanged. */
function checkLinks({ options }: Signature, { facts, path }: Place): void {
  if (facts.chords !== 'backend')
    refuseChords([...listOf<Json>(options.link), ...listOf<Json>(options.link_error)], path)
}

/** Throws `TWQ_CHORD_UNSUPPORTED` for a chord among the links of `path`, or inside one of them. */
export function refuseChords(links: readonly Json[], path: string): void {
  for (const link of links) {
    if (JSON.stringify(link, plainNumbers).includes('"subtask_type":"chord"')) {
      throw unsupported(`${path} has a link with a chord in it`, 'Put it into the chain itself, or use Redis')
    }
  }
}

function plainNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? 0 : value
}

const NEEDS_RESULTS = "Leave out resultBackend: 'none'"

function unsupported(message: string, hint: string): TwqError {
  return new TwqError('TWQ_CHORD_UNSUPPORTED', message, { hint })
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function withoutAbsent(options: { readonly [name: string]: Json | undefined }): JsonObject {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as JsonObject
}
