import type { Signature } from '../protocol/signature.ts'
import { isObject } from '../protocol/task-fields.ts'
import type { Json } from '../runtime/json.ts'

/** What was started, as results list it (wire specification 4.1): `[[id, parent], null]`, or a group with its members. */
export type ResultTuple = readonly [readonly [id: string, parent: Json], Json]

/** Python reads parents recursively; beyond these, the oldest are left out. */
const MOST_PARENTS = 50

export function resultOfTask(id: string, parent: Json = null): ResultTuple {
  return [[id, parent], null]
}

export function resultOfGroup(id: string, members: readonly ResultTuple[], parent: Json = null): ResultTuple {
  return [[id, parent], members]
}

/** The result of a chain whose steps are frozen: its last step, with the steps before as parents. */
export function resultOfChain(steps: readonly Signature[]): ResultTuple {
  const last = steps.slice(-MOST_PARENTS)
  return last.reduce<ResultTuple | null>((parent, step) => resultOf(step, parent), null) as ResultTuple
}

/**
 * A signature with an id, which messages and results can name before it is sent, and options that belong to its place in
 * a group or a chain. As in Celery what it has already stays, unless it is given anew in `place`. Without `newId` only the
 * place is noted.
 */
export function frozen(
  signature: Signature,
  place: { readonly [option: string]: Json | undefined },
  newId?: () => string,
): Signature {
  const { options, kind } = signature
  const added: Record<string, Json> = {}
  for (const [name, value] of Object.entries(place)) {
    if (value === undefined || value === null) continue
    const keeps = name === 'task_id' || name === 'group_id' || name === 'group_index'
    if (!keeps || options[name] === undefined || options[name] === null) added[name] = value
  }
  if (newId !== undefined) {
    added.task_id ??= typeof options.task_id === 'string' && options.task_id !== '' ? options.task_id : newId()
  }
  const own = { ...signature, options: { ...options, ...added } }
  return kind === 'group' && newId !== undefined ? { ...own, kwargs: frozenMembers(signature, newId) } : own
}

/** A group's members get their ids with it, since its result lists them. */
function frozenMembers({ kwargs }: Signature, newId: () => string): Signature['kwargs'] {
  if (!Array.isArray(kwargs.tasks)) return kwargs
  const tasks = kwargs.tasks.map((member: Json) => {
    if (!isObject(member)) return member
    const options = isObject(member.options) ? member.options : {}
    return { ...member, options: { ...options, task_id: options.task_id ?? newId() } }
  })
  return { ...kwargs, tasks }
}

function resultOf({ kind, options, kwargs }: Signature, parent: Json): ResultTuple {
  const id = String(options.task_id)
  if (kind !== 'group' || !Array.isArray(kwargs.tasks)) return resultOfTask(id, parent)
  return resultOfGroup(id, kwargs.tasks.map(memberResult), parent)
}

function memberResult(member: Json): ResultTuple {
  const options = isObject(member) && isObject(member.options) ? member.options : {}
  return resultOfTask(String(options.task_id), null)
}
