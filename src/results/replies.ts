import type { ResultFeed } from './result-feed.ts'

/** Where the results of what is sent over a session are read: its own reply queue, or the place where workers keep them. */
export interface Replies {
  /** The value for `reply_to`. */
  readonly name: string
  /** True once results can't get lost any more. */
  readonly isOpen: boolean
  /** True where results come by `reply_to`: chords are joined from a queue of each one's own, which is written there. */
  readonly carriesChords: boolean
  /** Resolves once they can't; `beside` says what the queue of the task is. Rejects with the signal's reason. */
  open(signal: AbortSignal, beside: { readonly quorum: boolean }): Promise<void>
  /** The feed of a task that is about to be sent; of one already followed, the same. */
  follow(taskId: string): ResultFeed
  /** Stops following a task that was not sent after all. */
  forget(taskId: string): void
  /** The feed of a task by its id, sent here or elsewhere. Throws `TWQ_RESULT_UNAVAILABLE` where it can't be read from here. */
  find(taskId: string): ResultFeed
  /** Drops what is kept of a task. */
  drop(taskId: string): Promise<void>
  /** Takes back, before the session stops, what lives on it. */
  leave(): Promise<void>
}
