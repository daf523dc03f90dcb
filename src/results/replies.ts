import type { ResultFeed } from './result-feed.ts'

/** Where the results of tasks sent over a session are read: its own reply queue, or the backend in which workers store them. */
export interface Replies {
  /** The value for `reply_to`. */
  readonly name: string
  /** True once results can't get lost any more. */
  readonly isOpen: boolean
  /** True if results arrive through `reply_to`: then each chord has a queue of its own, which is set as its `reply_to`. */
  readonly carriesChords: boolean
  /** Resolves once they can't; `beside` describes the queue of the task. Rejects with the signal's reason. */
  open(signal: AbortSignal, beside: { readonly quorum: boolean }): Promise<void>
  /** The feed of a task that is about to be sent; the existing feed if it is already followed. */
  follow(taskId: string): ResultFeed
  /** Stops following a task that was not sent after all. */
  forget(taskId: string): void
  /** The feed of a task by its id, wherever it was sent from. Throws `TWQ_RESULT_UNAVAILABLE` if it can't be read from here. */
  find(taskId: string): ResultFeed
  /** Deletes the stored data of a task. */
  drop(taskId: string): Promise<void>
  /** Releases what depends on the session, before it stops. */
  leave(): Promise<void>
}
