import type { ResultTuple } from '../protocol/chord/chord.ts'
import type { QueuedMember } from '../protocol/chord/queued-chord.ts'
import { resultOfGroup, resultOfTask } from './frozen.ts'

/** A sent task or group from its sender's view: handles are made from these. */
export type Node = TaskNode | GroupNode

/** A task, and what runs before it. */
export interface TaskNode {
  readonly kind: 'task'
  readonly id: string
  readonly task: string
  /** True if its result comes back to the sender. */
  readonly readable: boolean
  /** The first task of its tree, if that is another one. */
  readonly rootId: string | undefined
  readonly parent: Node | undefined
}

/** A group with its members, and what runs before it. */
export interface GroupNode {
  readonly kind: 'group'
  readonly id: string
  readonly members: readonly Node[]
  readonly parent: Node | undefined
}

/** The tasks at the leaves of a tree of groups: the members of a chord's queue. */
export function leavesOf(node: Node): readonly QueuedMember[] {
  return node.kind === 'group' ? node.members.flatMap(leavesOf) : [{ id: node.id, rootId: node.rootId ?? null }]
}

/** The node as Celery's result tuple. */
export function tupleOf(node: Node): ResultTuple {
  return node.kind === 'group' ? resultOfGroup(node.id, node.members.map(tupleOf)) : resultOfTask(node.id)
}
