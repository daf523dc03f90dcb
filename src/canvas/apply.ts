import { TwqError } from '../errors.ts'
import type { ChordStart, ResultTuple } from '../protocol/chord/chord.ts'
import { stringifyJson } from '../protocol/json.ts'
import type { Address, Destination } from '../protocol/queue/routes.ts'
import { readArray, readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import { encodeTask } from '../protocol/task/encode-task.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { type Call, merged, present, withoutChordSettings, withPartial } from './call.ts'
import { chunksAsGroup } from './chunks.ts'
import {
  bodyOf,
  frozen,
  frozenSteps,
  headerOf,
  isGroupResult,
  MOST_NESTED,
  membersOf,
  placed,
  resultOf,
  resultOfGroup,
  resultOfSteps,
  resultOfTask,
  sizeOf,
} from './frozen.ts'
import { hasEntries, linked, listOf } from './links.ts'
import { destinationOf, readOptions, textOf } from './task-options.ts'

/** The sender, the time and the routing for applying a signature. */
export interface ApplyContext {
  /** A new id, a UUID. */
  readonly newId: () => string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The sender: `gen<pid>@<host>`. */
  readonly origin: string
  /** The destination of a task; `wanted` is set by its signature, `inherited` a priority for tasks without one of their own. */
  readonly address: (
    task: string,
    args: readonly Json[] | JsonObject,
    wanted: Destination,
    inherited?: number,
  ) => Address
  /** The task that sends: the parent of messages without another parent, and part of their tree. */
  readonly current?:
    | { readonly id: string; readonly rootId: string; readonly priority?: number | undefined }
    | undefined
  /** True: the sent messages inherit its priority. */
  readonly inheritPriority?: boolean
}

/** A message that follows from another one, ready to be published. */
export interface FollowUp {
  readonly id: string
  readonly task: string
  /** To be declared before publishing. */
  readonly queue: string
  /** When it may start, in milliseconds since the epoch; undefined for at once. */
  readonly eta?: number | undefined
  readonly outgoing: Outgoing
}

/** The messages and results of an applied signature. */
export interface Applied {
  /** To be registered with the backend that joins chords before the first message is published. */
  readonly chords: readonly ChordStart[]
  readonly messages: readonly FollowUp[]
  /** The entry for the `children` of the task that sent it; null if nothing was sent. */
  readonly child: ResultTuple | null
  /** The result to wait for: for a chain its last step, for a chord its body, for a group its members. */
  readonly result: ResultTuple
}

/**
 * Applies a signature as Celery does (wire specification 5.1, 5.2): partial arguments come first unless it is immutable; groups,
 * chains, chords and so on become the messages that start them. Pure. Throws `TWQ_MESSAGE_MALFORMED`, `TWQ_UNSERIALISABLE`.
 */
export function applySignature(value: Json, call: Call, ground: ApplyContext, path = 'signature'): Applied {
  const application = new Application(ground)
  const { child, result } = application.apply(readSignature(value, path), call, path, 0)
  return { chords: application.chords, messages: application.messages, child, result }
}

/** Applies signatures as the members of one group. An empty group sends nothing. */
export function applyAsGroup(
  members: readonly Json[],
  call: Call,
  ground: ApplyContext,
  path: string,
): readonly Applied[] {
  if (members.length === 0) return []
  const group = { task: 'celery.group', kwargs: { tasks: members }, subtask_type: 'group' }
  return [applySignature(group, call, ground, path)]
}

/** The error for a chord if the result backend can't join chords. */
export function chordUnsupported(): TwqError {
  return new TwqError('TWQ_CHORD_UNSUPPORTED', "this result backend can't join the tasks of a chord", {
    hint: "Chords need a backend that keeps results: resultBackend: 'redis://…'. A group that another task follows in a chain is a chord, too.",
  })
}

/** Limits for the messages that one task may start. */
const MOST_MESSAGES = 10_000
const MOST_BYTES = 64 * 1024 * 1024

/** The result tuples of a started signature, for its parent's record and for a group around it: for a chain, its first and its last step. */
interface Started {
  readonly child: ResultTuple | null
  readonly result: ResultTuple
}

class Application {
  readonly chords: ChordStart[] = []
  readonly messages: FollowUp[] = []
  readonly #ground: ApplyContext
  #bytes = 0

  constructor(ground: ApplyContext) {
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
        return this.#chord(signature, call, path, depth)
      default:
        throw new TwqError('TWQ_INTERNAL', `unknown kind of signature ${String(signature.kind satisfies never)}`)
    }
  }

  #task(signature: Signature, call: Call): Started {
    const { newId, now, origin, address, current, inheritPriority } = this.#ground
    const options = merged(signature, call)
    const id = textOf('task_id', options) ?? newId()
    const { task, kwargs } = signature
    const args = withPartial(signature, call)
    const { queue, route, priority } = address(
      task,
      args.length > 0 ? args : kwargs,
      destinationOf(options),
      inheritPriority ? current?.priority : undefined,
    )
    const whose = present({ parent_id: current?.id, root_id: current?.rootId })
    const own = readOptions({ ...whose, ...present(options) }, now)
    const message = encodeTask({ ...own, priority, id, task, origin, args, kwargs }, { now })
    this.messages.push({ id, task, queue, eta: own.eta, outgoing: { route, message } })
    this.#bytes += message.body.length
    if (this.messages.length > MOST_MESSAGES || this.#bytes > MOST_BYTES) throw tooMuch()
    const result = resultOfTask(id)
    return { child: result, result }
  }

  #group(signature: Signature, call: Call, path: string, depth: number): Started {
    // The group's own place in a larger group does not apply to its members.
    const { task_id: taskId, group_index: _, link, link_error: linkError, ...options } = merged(signature, call)
    if (hasEntries(link) || hasEntries(linkError)) {
      throw malformed(`${path} is a group with a link: only its members can have one`)
    }
    const groupId = textOf('task_id', present({ task_id: taskId })) ?? this.#ground.newId()
    const members = membersOf(signature, path, depth, 'in order')
    return this.#members(members, groupId, { args: call.args, options }, path, depth)
  }

  /** Sends the members of a group; the group's options apply to each of them. */
  #members(members: readonly Signature[], groupId: string, call: Call, path: string, depth: number): Started {
    const options = { ...call.options, group_id: groupId }
    const results = members.map((member, index) =>
      this.apply(
        placed(member, { group_id: groupId, group_index: index }),
        { args: call.args, options },
        `${path}.tasks[${index}]`,
        depth + 1,
      ),
    )
    const members_ = results.map((started) => started.result)
    const result = resultOfGroup(groupId, members_)
    const [only, ...others] = members_
    if (only === undefined) return { child: null, result }
    // As in Celery, a group whose only member is a chain that ends in a group is that chain.
    return { child: others.length === 0 && isGroupResult(only) ? only : result, result }
  }

  #chain(signature: Signature, call: Call, path: string, depth: number): Started {
    const {
      chain: outer,
      link,
      link_error: linkError,
      task_id,
      group_id,
      group_index,
      chord,
      root_id,
      // As in Celery, where a chain does not know its parent: the sender of the chain is the parent.
      parent_id: _,
      ...options
    } = merged(signature, call)
    // The last step represents the chain: a caller that waits for the chain, or a group that counts it, refers to that step.
    const place = present({ task_id, group_id, group_index, chord, root_id })
    const steps = frozenSteps(signature, place, this.#ground.newId, path, depth)
    boundCopies(linkError, steps)
    const prepared = steps.map((step, index) => {
      const isLast = index === steps.length - 1
      return linked(linked(step, 'link_error', linkError), 'link', isLast ? link : undefined)
    })
    const [head, ...rest] = prepared as [Signature, ...Signature[]]
    const remaining = [...readArray(outer, `${path}.chain`), ...rest.map(writeSignature).reverse()]
    const started = this.apply(
      head,
      { args: withPartial(signature, call), options: { ...options, ...present({ root_id }), chain: remaining } },
      `${path}.tasks[0]`,
      depth + 1,
    )
    return { child: started.child, result: rest.length === 0 ? started.result : resultOfSteps(prepared) }
  }

  /** The tasks of the header, each of which carries the body; the one that ends last sends it. */
  #chord(signature: Signature, call: Call, path: string, depth: number): Started {
    const { newId } = this.#ground
    const {
      task_id: taskId,
      group_id: outerGroup,
      group_index: outerIndex,
      chord: outerChord,
      chain,
      link,
      link_error: linkError,
      ...shared
    } = withoutChordSettings(merged(signature, call))
    const header = headerOf(signature, path, depth)
    const groupId = textOf('task_id', header.options) ?? newId()
    // Options of a chord apply to its body: to be counted in a larger chord, to continue a chain.
    const given = bodyOf(signature, path)
    const goesOn = given.kind === 'group' && hasEntries(chain)
    const own = goesOn ? chainOf([writeSignature(given), ...[...listOf<Json>(chain)].reverse()]) : given
    const asked = { ...shared, ...present({ chain: goesOn ? null : chain, countdown: call.options.countdown }) }
    const ofBody = { task_id: taskId, group_id: outerGroup ?? groupId, group_index: outerIndex, chord: outerChord }
    const unlinked = frozen({ ...own, options: { ...own.options, ...asked } }, ofBody, newId, `${path}.body`, depth + 1)
    const body = linked(linked(unlinked, 'link_error', linkError), 'link', link)
    const members = membersOf(header, `${path}.header`, depth, 'reversed')
    if (members.length === 0) {
      const { child } = this.apply(body, { args: [[]], options: {} }, `${path}.body`, depth + 1)
      return { child, result: resultOf(body, resultOfGroup(groupId, [])) }
    }
    const { task_id: _, chord: __, group_id: ___, group_index: ____, ...ofHeader } = present(header.options)
    const options = {
      ...ofHeader,
      ...shared,
      ...present({ root_id: body.options.root_id }),
      chord: writeSignature(body),
    }
    const at = this.chords.length
    const { child, result } = this.#members(
      members,
      groupId,
      { args: withPartial(signature, call), options },
      path,
      depth,
    )
    const shape = (result[1] as readonly ResultTuple[]).some(isGroupResult) ? result : null
    this.chords.splice(at, 0, { groupId, size: members.reduce((sum, member) => sum + sizeOf(member), 0), shape })
    return { child, result: resultOf(body, result) }
  }
}

/** A group followed by a step is a chord: detected if both are steps of one chain. */
function chainOf(tasks: readonly Json[]): Signature {
  return { kind: 'chain', task: 'celery.chain', args: [], kwargs: { tasks }, options: {}, immutable: false }
}

/** Every step gets its own copy of the errbacks: limited, since a short message must not grow without bounds. */
function boundCopies(errbacks: Json | undefined, steps: readonly Signature[]): void {
  if (!hasEntries(errbacks)) return
  const copies = steps.reduce(
    (sum, { kind, kwargs }) => sum + (kind === 'group' ? listOf<Json>(kwargs.tasks).length : 1),
    0,
  )
  if (stringifyJson(errbacks, { path: 'link_error' }).length * copies > MOST_BYTES) throw tooMuch()
}

function tooMuch(): TwqError {
  return malformed(`more than ${MOST_MESSAGES} messages, or ${MOST_BYTES} bytes, would follow from one task`)
}

function malformed(message: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', message)
}
