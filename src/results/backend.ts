import type { ChordAddition, ChordPart, ChordParts, ChordStart, KeptAddition } from '../protocol/chord/chord.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Service } from '../runtime/service.ts'

/**
 * Whose result it is: a task's message, or what is known of it. Where results are kept under the task's id, the rest is
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
  /** The connection it needs, which somebody else starts and stops. */
  readonly service?: Service
  /**
   * Resolves once the record is safe, or once it is certain that nobody can receive it (`nobody`). Rejects only when
   * neither can be established; the message must then not be acknowledged. `routingKey` is the one it was delivered by.
   */
  store(record: ResultRecord, owner: ResultOwner, routingKey?: string): Promise<'stored' | 'nobody'>
  /**
   * Says of tasks that may never have been seen that they are revoked (wire specification 3.5); a backend that can't,
   * because it knows no task without its message, has none. Rejects when it could not be said of all of them.
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

/** Counts the tasks of chords that have ended (wire specification 4.6). What follows from that is not for it to decide. */
export interface ChordJoin {
  /** Makes a chord known, before its messages are published. The second time changes nothing. */
  begin(start: ChordStart): Promise<void>
  /**
   * Counts a task whose record is stored; the second time changes nothing. Resolves with all the parts when it completes
   * the chord, or when it is counted again while the chord is complete: whoever completed it may have died since.
   */
  partEnded(part: ChordPart): Promise<PartEnded>
  /** The chord has more tasks than it began with. The second time, for the same call, changes nothing and tells what is kept. */
  grow(addition: ChordAddition): Promise<KeptAddition>
  /** What was added is safe with the broker. */
  additionSent(addition: Pick<ChordAddition, 'groupId' | 'taskId'>, kept: KeptAddition): Promise<void>
  /** All that a task has added is sent, and the task has ended. */
  forgetAdditions(groupId: string, taskId: string): Promise<void>
  /** The body is on its way: nothing of the chord is needed any more. */
  forget(groupId: string): Promise<void>
}

/** What is known of a chord once one of its tasks is counted. */
export interface PartEnded {
  /** All parts, when they are complete. */
  readonly all: ChordParts | undefined
  /** What that task has added to the chord, in all of its attempts. */
  readonly additions: readonly KeptAddition[]
}
