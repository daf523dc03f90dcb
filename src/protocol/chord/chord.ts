import type { Json } from '../../runtime/json.ts'
import type { ResultRecord } from '../result-record.ts'

/** A started task or group, as results list it (wire specification 4.1): `[[id, parent], null]`, or a group with its members. */
export type ResultTuple = readonly [readonly [id: string, parent: Json], Json]

/** A chord that is about to start; the part that joins chords must know of it before any of its messages is published. */
export interface ChordStart {
  /** The group that the tasks of its header belong to. */
  readonly groupId: string
  /** How many tasks have to end before its body runs (wire specification 4.6). */
  readonly size: number
  /** If its header contains groups, the result of the header: the shape of the body's argument. Null for a plain list. */
  readonly shape: ResultTuple | null
}

/** A finished task of a chord's header. */
export interface ChordPart {
  readonly groupId: string
  /** Its position in the body's argument; null for the end. */
  readonly index: number | null
  readonly record: ResultRecord
}

/** A header task's contribution to its chord: counted once, however often an attempt of that task is interrupted. */
export interface ChordAddition {
  readonly groupId: string
  /** The task that adds to the chord. */
  readonly taskId: string
  /** Identical for the same call by another attempt of that task. */
  readonly call: string
  /** The number of tasks that it adds to the chord. */
  readonly size: number
  /** Including the ids of its tasks. */
  readonly signature: Json
}

/** An addition that is counted, by this attempt or an earlier one. */
export interface KeptAddition {
  readonly call: string
  /** Of the attempt that counted it: its messages may have been sent. */
  readonly signature: Json
  /** True once they certainly were. */
  readonly sent: boolean
}

/** All parts of a chord in the order of the header, and the shape of their results. */
export interface ChordParts {
  readonly parts: readonly ResultRecord[]
  readonly shape: ResultTuple | null
  /** If the stored chord can't be read, the reason: then nothing else of it counts. */
  readonly unreadable?: string
}
