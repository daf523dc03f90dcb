import type { ChordAddition, ChordPart, ChordParts, ChordStart, KeptAddition } from '../protocol/chord/chord.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Service } from '../runtime/service.ts'

/**
 * The task that a result is of: its message, or the known part of it. Where results are kept under the task's id, the rest is
 * stored beside them.
 */
export type ResultOwner = Pick<TaskMessage, 'id' | 'replyTo' | 'correlationId'> &
  Partial<
    Pick<TaskMessage, 'task' | 'args' | 'kwargs' | 'retries' | 'group' | 'parentId' | 'stampedHeaders' | 'stamps'>
  >

/** Where results are kept, or sent. */
export interface ResultBackend {
  /** Its kind, in messages: `redis`. */
  readonly kind: string
  /** The connection that it needs, which the worker starts and stops. */
  readonly service?: Service
  /**
   * Resolves once the record is safe, or once it is certain that no reader can receive it (`dropped`). Rejects only when
   * neither can be established; the message must then not be acknowledged. `routingKey` is the one it was delivered by.
   */
  store(record: ResultRecord, owner: ResultOwner, routingKey?: string): Promise<'stored' | 'dropped'>
  /**
   * Stores the state REVOKED of tasks whose messages this worker may never get (wire specification 3.5); a backend that needs
   * the message to store a result has none. Rejects when one of them could not be stored.
   */
  storeRevoked?(ids: readonly string[]): Promise<void>
  /** The latest state of each of these tasks, undefined where there is none; a backend that keeps no results has none. */
  read?(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]>
  /** Bytes of final results that are being stored; a backend that publishes them has none of its own. */
  readonly pendingBytes?: number
  /** Joins the tasks of chords; a backend without it can't, and the body of a chord only runs where `chordQueues` is true. */
  readonly chord?: ChordJoin
  /** True where results go to the queue that `reply_to` names: workers join chords from a queue of each chord's own. */
  readonly chordQueues?: boolean
}

/** Counts the tasks of chords that have ended (wire specification 4.6); the worker sends the body. */
export interface ChordJoin {
  /** Makes a chord known, before its messages are published. The second time changes nothing. */
  begin(start: ChordStart): Promise<void>
  /**
   * Counts a task whose record is stored; the second time changes nothing. Resolves with all the parts when it completes
   * the chord, or when it is counted again while the chord is complete: the worker that completed it may have died since.
   */
  partEnded(part: ChordPart): Promise<PartEnded>
  /** Adds tasks to the chord. The second time, for the same call, changes nothing and resolves with the stored addition. */
  grow(addition: ChordAddition): Promise<KeptAddition>
  /** Notes that the added tasks are confirmed by the broker. */
  additionSent(addition: Pick<ChordAddition, 'groupId' | 'taskId'>, kept: KeptAddition): Promise<void>
  /** Drops the record of the tasks that a task has added: they are sent, and the task has ended. */
  forgetAdditions(groupId: string, taskId: string): Promise<void>
  /** Drops the chord: its body is sent. */
  forget(groupId: string): Promise<void>
}

/** The state of a chord once one of its tasks is counted. */
export interface PartEnded {
  /** All parts, when they are complete. */
  readonly all: ChordParts | undefined
  /** The tasks that this task has added to the chord, in all of its attempts. */
  readonly additions: readonly KeptAddition[]
}
