import type { ChordAddition, ChordPart, ChordParts, ChordStart, KeptAddition } from '../protocol/chord/chord.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Service } from '../runtime/service.ts'

/**
 * The task that a result belongs to: its message, or the known part of it. Backends that store results under the task's id store
 * the rest beside them.
 */
export type ResultOwner = Pick<TaskMessage, 'id' | 'replyTo' | 'correlationId'> &
  Partial<
    Pick<TaskMessage, 'task' | 'args' | 'kwargs' | 'retries' | 'group' | 'parentId' | 'stampedHeaders' | 'stamps'>
  >

/** Where results are stored, or sent. */
export interface ResultBackend {
  /** Its kind, for messages: `redis`. */
  readonly kind: string
  /** The connection that it needs; the worker starts and stops it. */
  readonly service?: Service
  /**
   * Resolves once the record is safe, or once it is certain that no reader can receive it (`dropped`). Rejects only if neither
   * can be established; then the message must not be acknowledged. `routingKey` is the one it was delivered with.
   */
  store(record: ResultRecord, owner: ResultOwner, routingKey?: string): Promise<'stored' | 'dropped'>
  /**
   * Stores the state REVOKED of tasks whose messages this worker may never receive (wire specification 3.5); missing in a backend
   * that needs the message to store a result. Rejects if one of them could not be stored.
   */
  storeRevoked?(ids: readonly string[]): Promise<void>
  /** The latest state of each of these tasks, undefined if there is none; missing in a backend that keeps no results. */
  read?(ids: readonly string[]): Promise<readonly (ResultRecord | undefined)[]>
  /** Bytes of final results being stored; missing in a backend that publishes them. */
  readonly pendingBytes?: number
  /** Joins the tasks of chords. A backend without it can't; then the body of a chord only runs if `chordQueues` is true. */
  readonly chord?: ChordJoin
  /** True if results go to the queue in `reply_to`: workers then join each chord through a queue of its own. */
  readonly chordQueues?: boolean
}

/** Counts the finished tasks of chords (wire specification 4.6); the worker sends the body. */
export interface ChordJoin {
  /** Registers a chord before its messages are published. Idempotent. */
  begin(start: ChordStart): Promise<void>
  /**
   * Counts a task whose record is stored; idempotent. Resolves with all the parts when it completes the chord, and also when it
   * is counted again while the chord is complete: the worker that completed it may have died since.
   */
  partEnded(part: ChordPart): Promise<PartEnded>
  /** Adds tasks to the chord. Repeated for the same call, it changes nothing and resolves with the stored addition. */
  grow(addition: ChordAddition): Promise<KeptAddition>
  /** Records that the broker has confirmed the added tasks. */
  additionSent(addition: Pick<ChordAddition, 'groupId' | 'taskId'>, kept: KeptAddition): Promise<void>
  /** Deletes the record of the tasks that a task added: they are sent, and the task has ended. */
  forgetAdditions(groupId: string, taskId: string): Promise<void>
  /** Deletes the chord: its body is sent. */
  forget(groupId: string): Promise<void>
}

/** The state of a chord after one of its tasks is counted. */
export interface PartEnded {
  /** All parts, once they are complete. */
  readonly all: ChordParts | undefined
  /** The tasks that this task has added to the chord in all of its attempts. */
  readonly additions: readonly KeptAddition[]
}
