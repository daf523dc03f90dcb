import type { ChordPart, ChordParts, ChordStart } from '../protocol/chord.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'

/** Where results are kept, or sent. */
export interface ResultBackend {
  readonly kind: 'rpc' | 'none'
  /**
   * Resolves once the record is safe, or once it is certain that nobody can receive it (`nobody`). Rejects only when
   * neither can be established; the message must then not be acknowledged.
   */
  store(
    record: ResultRecord,
    message: Pick<TaskMessage, 'id' | 'replyTo' | 'correlationId'>,
  ): Promise<'stored' | 'nobody'>
  /** Joins the tasks of chords; a backend without it can't, and the body of a chord never runs. */
  readonly chord?: ChordJoin
}

/** Counts the tasks of chords that have ended (wire specification 4.6). What follows from that is not for it to decide. */
export interface ChordJoin {
  /** Makes a chord known, before its messages are published. The second time changes nothing. */
  begin(start: ChordStart): Promise<void>
  /**
   * Counts a task whose record is stored; the second time changes nothing. Resolves with all the parts when it completes
   * the chord, or when it is counted again while the chord is complete: whoever completed it may have died since.
   */
  partEnded(part: ChordPart): Promise<'waiting' | ChordParts>
  /** The chord has one more task than it began with. */
  grow(groupId: string): Promise<void>
  /** The body is on its way: nothing of the chord is needed any more. */
  forget(groupId: string): Promise<void>
}
