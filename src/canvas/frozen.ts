import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import { readArray, readSignature, type Signature, writeSignature } from '../protocol/signature.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { chunksAsGroup } from './chunks.ts'

/** The position of a signature in a larger one: options that follow from it. */
export interface Place {
  readonly task_id?: Json | undefined
  readonly root_id?: Json | undefined
  readonly group_id?: Json | undefined
  readonly group_index?: Json | undefined
  /** The body of the chord that the end of the signature counts for. */
  readonly chord?: Json | undefined
  readonly reply_to?: Json | undefined
  readonly replaced_task_nesting?: Json | undefined
}

const KEPT: ReadonlySet<string> = new Set(['task_id', 'group_id', 'group_index', 'reply_to'])

/** Levels of nested groups, chains and chords. */
export const MOST_NESTED = 100
/** Python reads parents recursively; above this number, the oldest are left out. */
const MOST_PARENTS = 50

export function resultOfTask(id: string, parent: Json = null): ResultTuple {
  return [[id, parent], null]
}

export function resultOfGroup(id: string, members: readonly ResultTuple[], parent: Json = null): ResultTuple {
  return [[id, parent], members]
}

export function isGroupResult(result: ResultTuple): boolean {
  return Array.isArray(result[1])
}

/** A signature with the options of its position; its own take precedence, except for its root and chord. */
export function placed(signature: Signature, place: Place): Signature {
  const { options } = signature
  const added: Record<string, Json> = {}
  for (const [name, value] of Object.entries(place) as [string, Json | undefined][]) {
    if (value === undefined || value === null) continue
    const keeps = KEPT.has(name)
    if (!keeps || options[name] === undefined || options[name] === null) added[name] = value
  }
  return Object.keys(added).length === 0 ? signature : { ...signature, options: { ...options, ...added } }
}

/**
 * A signature whose tasks have the ids that messages and results refer to before they are sent: Celery's `freeze`. The position
 * of a group applies to each member, of a chain to its last step, of a chord to its body. Groups in chains that are followed by a
 * step become chords. Throws `TWQ_MESSAGE_MALFORMED`.
 */
export function frozen(signature: Signature, place: Place, newId: () => string, path: string, depth = 0): Signature {
  if (depth > MOST_NESTED) throw tooDeep(path)
  switch (signature.kind) {
    case 'task':
    case 'xmap':
    case 'xstarmap':
    case 'chunks':
      return placed(signature, { ...place, task_id: idOf(signature) ?? place.task_id ?? newId() })
    case 'group': {
      const id = idOf(signature) ?? place.group_id ?? newId()
      const tasks = membersOf(signature, path, depth, 'reversed').map((member, index) => {
        const own = { ...place, task_id: undefined, group_index: index }
        return writeSignature(frozen(member, own, newId, `${path}.tasks[${index}]`, depth + 1))
      })
      return { ...placed(signature, { ...place, task_id: id }), kwargs: { ...signature.kwargs, tasks } }
    }
    case 'chain': {
      const steps = frozenSteps(signature, place, newId, path, depth)
      return { ...signature, kwargs: { ...signature.kwargs, tasks: steps.map(writeSignature) } }
    }
    case 'chord': {
      const everywhere = ofAll(place)
      const header = frozen(headerOf(signature, path, depth), everywhere, newId, `${path}.header`, depth + 1)
      const ofBody = { ...place, task_id: signature.options.task_id ?? place.task_id }
      const body = frozen(bodyOf(signature, path), ofBody, newId, `${path}.body`, depth + 1)
      const kwargs = { ...signature.kwargs, header: writeSignature(header), body: writeSignature(body) }
      return { ...placed(signature, everywhere), kwargs }
    }
  }
}

/** The frozen steps of a chain, including those of inner chains; `place` applies to the last one. At least one. */
export function frozenSteps(
  chain: Signature,
  place: Place,
  newId: () => string,
  path: string,
  depth: number,
): readonly [Signature, ...Signature[]] {
  const steps = joined(flattenedSteps(chain, path, depth))
  const prepared = steps.map((step, index) => {
    const own = index === steps.length - 1 ? place : ofAll(place)
    return frozen(step, own, newId, `${path}.tasks[${index}]`, depth + 1)
  })
  const [first, ...others] = prepared
  if (first === undefined) throw malformed(`${path} is a chain of no tasks`)
  return [first, ...others]
}

/** The result tuple of a frozen signature that follows `parent`. */
export function resultOf(signature: Signature, parent: Json = null): ResultTuple {
  const { kind, options, kwargs } = signature
  switch (kind) {
    case 'group':
      return resultOfGroup(
        String(options.task_id),
        innerOf(kwargs.tasks).map((member) => resultOf(member)),
        parent,
      )
    case 'chain':
      return resultOfSteps(innerOf(kwargs.tasks), parent)
    case 'chord':
      return resultOf(readSignature(kwargs.body, 'body'), resultOf(readSignature(kwargs.header, 'header'), parent))
    default:
      return resultOfTask(String(options.task_id), parent)
  }
}

/** The result of a chain with frozen steps: its last step, with the earlier steps as parents. */
export function resultOfSteps(steps: readonly Signature[], parent: Json = null): ResultTuple {
  const last = steps.slice(-MOST_PARENTS)
  return last.reduce<Json>((before, step) => resultOf(step, before), parent) as unknown as ResultTuple
}

/** The number of tasks by which a signature counts in the header of a chord (wire specification 4.6). */
export function sizeOf(signature: Signature): number {
  const { kind, kwargs } = signature
  switch (kind) {
    case 'group':
      return innerOf(kwargs.tasks).reduce((sum, member) => sum + sizeOf(member), 0)
    case 'chain':
      return innerOf(kwargs.tasks).reduceRight((size, step) => (size > 0 ? size : sizeOf(step)), 0)
    case 'chord':
      return sizeOf(readSignature(kwargs.body, 'body'))
    case 'chunks':
      return innerOf(chunksAsGroup(signature, 'chunks').kwargs.tasks).length
    default:
      return 1
  }
}

/**
 * The members of a group, including those of inner groups. If a group is given its ids, Celery takes the members of an inner one
 * in reverse (wire specification 4.6): `inner` says which order applies.
 */
export function membersOf(group: Signature, path: string, depth: number, inner: 'in order' | 'reversed'): Signature[] {
  if (depth > MOST_NESTED) throw tooDeep(path)
  return unrolled(tasksOf(group, path), path, depth, inner)
}

function unrolled(
  tasks: readonly Signature[],
  path: string,
  depth: number,
  inner: 'in order' | 'reversed',
): Signature[] {
  if (depth > MOST_NESTED) throw tooDeep(path)
  return tasks.flatMap((task, index) => {
    const at = `${path}.tasks[${index}]`
    if (task.kind === 'chunks') return tasksOf(chunksAsGroup(task, at), at)
    if (task.kind !== 'group') return [task]
    const members = tasksOf(task, at)
    return unrolled(inner === 'reversed' ? members.reverse() : members, at, depth + 1, inner)
  })
}

/** The header of a chord, a list or a group, as a group. */
export function headerOf(chord: Signature, path: string, depth: number): Signature {
  const { header } = chord.kwargs
  const at = `${path}.kwargs.header`
  const group = (tasks: readonly Json[], options: JsonObject = {}): Signature => ({
    kind: 'group',
    task: 'celery.group',
    args: [],
    kwargs: { tasks },
    options,
    immutable: false,
  })
  if (header === undefined || header === null || Array.isArray(header)) return group(readArray(header, at))
  const own = readSignature(header, at)
  if (depth > MOST_NESTED) throw tooDeep(path)
  if (own.kind === 'chunks') return chunksAsGroup(own, at)
  return own.kind === 'group' ? own : group([header])
}

/** The body of a chord. */
export function bodyOf(chord: Signature, path: string): Signature {
  return readSignature(chord.kwargs.body, `${path}.kwargs.body`)
}

/** The tasks of a group or a chain. */
export function tasksOf(signature: Signature, path: string): Signature[] {
  const tasks = readArray(signature.kwargs.tasks, `${path}.kwargs.tasks`)
  return tasks.map((task, index) => readSignature(task, `${path}.tasks[${index}]`))
}

/** The options of a position that apply to all its tasks, not only to the last one. */
function ofAll({ root_id, replaced_task_nesting }: Place): Place {
  return { root_id, replaced_task_nesting }
}

function innerOf(tasks: Json | undefined): Signature[] {
  return readArray(tasks, 'tasks').map((task, index) => readSignature(task, `tasks[${index}]`))
}

function flattenedSteps(chain: Signature, path: string, depth: number): Signature[] {
  if (depth > MOST_NESTED) throw tooDeep(path)
  return tasksOf(chain, path).flatMap((step, index) => {
    const at = `${path}.tasks[${index}]`
    const plain = step.kind === 'group' ? withoutLoneGroup(step, at, depth + 1) : step
    return plain.kind === 'chain' ? flattenedSteps(plain, at, depth + 1) : [plain]
  })
}

/** A group followed by another step is the header of a chord, and that step its body. */
function joined(steps: readonly Signature[]): Signature[] {
  const done: Signature[] = []
  for (const step of [...steps].reverse()) {
    const follower = done.at(-1)
    if (step.kind !== 'group' || follower === undefined) {
      done.push(step)
      continue
    }
    const kwargs = { header: writeSignature(step), body: writeSignature(follower), kwargs: {} }
    done[done.length - 1] = { kind: 'chord', task: 'celery.chord', args: [], kwargs, options: {}, immutable: false }
  }
  return done.reverse()
}

/** As in Celery, a group of one is its member. */
function withoutLoneGroup(group: Signature, path: string, depth: number): Signature {
  const [only, ...others] = membersOf(group, path, depth, 'in order')
  return only !== undefined && others.length === 0 ? only : group
}

function idOf({ options }: Signature): string | undefined {
  return typeof options.task_id === 'string' && options.task_id !== '' ? options.task_id : undefined
}

function tooDeep(path: string): TwqError {
  return malformed(`${path} is nested more than ${MOST_NESTED} levels deep`)
}

function malformed(message: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', message)
}
