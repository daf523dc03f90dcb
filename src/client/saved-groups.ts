import type { Node } from '../canvas/node.ts'
import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { GroupStore } from '../results/reader.ts'
import type { Replies } from '../results/replies.ts'
import type { Json } from '../runtime/json.ts'
import type { Revoke } from '../sending/revoke.ts'
import { handleOf } from '../sending/sent-canvas.ts'
import type { AnyHandle, GroupHandle } from '../tasks/sending.ts'

const MOST_NESTED = 1_000

/** The groups that a client, in Python or here, stores beside the results of their members. */
export class SavedGroups {
  readonly #parts: SavedGroupsParts

  constructor(parts: SavedGroupsParts) {
    this.#parts = parts
  }

  /** Stores a group: Python's `GroupResult.save()`. */
  save(group: GroupHandle): Promise<void> {
    return this.#parts.groups.saveGroup(tupleOf(group))
  }

  /** A stored group, or undefined: Python's `GroupResult.restore(id)`. */
  async restore(groupId: string): Promise<GroupHandle | undefined> {
    const tuple = await this.#parts.groups.restoreGroup(groupId)
    if (tuple === null) return undefined
    const { kept, revoke } = this.#parts
    return handleOf(nodeOf(tuple as unknown as Json), (id) => kept.find(id), revoke) as GroupHandle
  }

  /** Deletes a stored group: Python's `GroupResult.delete()`. */
  delete(groupId: string): Promise<void> {
    return this.#parts.groups.deleteGroup(groupId)
  }
}

/** The parts that saved groups work with. */
export interface SavedGroupsParts {
  readonly groups: GroupStore
  /** Reads the results of their members. */
  readonly kept: Pick<Replies, 'find'>
  readonly revoke: Revoke
}

/** The stored form of a group: its id and those of its members, each with what ran before it. */
export function tupleOf(handle: AnyHandle): ResultTuple {
  const { id, parent, handles } = handle as AnyHandle & { parent?: AnyHandle; handles?: readonly AnyHandle[] }
  const before = parent === undefined ? null : (tupleOf(parent) as unknown as Json)
  return [[id, before], handles === undefined ? null : (handles.map(tupleOf) as unknown as Json)]
}

/** The node of a stored group: any of its tasks may be read. Throws `TWQ_MESSAGE_MALFORMED` for an invalid one. */
function nodeOf(tuple: Json, depth = 0): Node {
  const [own, members] = Array.isArray(tuple) ? tuple : []
  const [id, before] = Array.isArray(own) ? own : []
  if (typeof id !== 'string' || depth > MOST_NESTED) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', 'what is kept of a group is no result tuple')
  }
  const parent = before === null || before === undefined ? undefined : nodeOf(before, depth + 1)
  if (!Array.isArray(members)) return { kind: 'task', id, task: 'task', readable: true, rootId: undefined, parent }
  return { kind: 'group', id, members: members.map((member: Json) => nodeOf(member, depth + 1)), parent }
}
