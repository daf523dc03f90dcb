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
}
