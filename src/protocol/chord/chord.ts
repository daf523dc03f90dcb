import type { Json } from '../../runtime/json.ts'
import type { ResultRecord } from '../result-record.ts'

/** A started task or group, as results list it (wire specification 4.1): `[[id, parent], null]`, or a group with its members. */
export type ResultTuple = readonly [readonly [id: string, parent: Json], Json]

/** A chord that is about to start; who joins chords must know of it before any of its messages is published. */
export interface ChordStart {
  /** The group that the tasks of its header belong to. */
  readonly groupId: string
  /** How many tasks have to end before its body runs (wire specification 4.6). */
  readonly size: number
  /** The result of its header where that has groups in it: the form of what the body gets. Null for a plain list. */
  readonly shape: ResultTuple | null
}

/** A task of a chord's header that has ended. */
export interface ChordPart {
  readonly groupId: string
  /** Its place in what the body gets; null for the end. */
  readonly index: number | null
  readonly record: ResultRecord
}

/** The part of a header's task in its chord: counted once, however often an attempt of that task is cut off. */
export interface ChordAddition {
  readonly groupId: string
  /** The task that adds it. */
  readonly taskId: string
  /** The same for the same call by another attempt of that task. */
  readonly call: string
  /** How many tasks it makes the chord larger by. */
  readonly size: number
  /** With the ids of its tasks. */
  readonly signature: Json
}

/** An addition that is counted, by this attempt or by one before. */
export interface KeptAddition {
  readonly call: string
  /** Of who counted it: it may have been sent. */
  readonly signature: Json
  /** True once it surely is. */
  readonly sent: boolean
}

/** All parts of a chord, in the order of the header, and the form that their results take. */
export interface ChordParts {
  readonly parts: readonly ResultRecord[]
  readonly shape: ResultTuple | null
  /** Why what is kept of the chord can't be read, where it can't be: nothing else of it counts then. */
  readonly unreadable?: string
}
