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

/** Counts the members of a chord, and starts its body once all have ended (wire specification 4.6). */
export interface ChordJoin {
  /** A member has ended, and its record is stored. Resolves once that is safe; rejects when it can't be known. */
  memberEnded(record: ResultRecord, message: TaskMessage): Promise<void>
}
