import type { TaskMessage } from '../protocol/task-message.ts'

/** All a pool needs to run one attempt; plain data. */
export interface Invocation {
  readonly message: TaskMessage
  /** The queue it was consumed from. */
  readonly queue: string
  /** True when an earlier delivery of this message may have started already. */
  readonly redelivered: boolean
  /** The worker's node name. */
  readonly node: string
}
