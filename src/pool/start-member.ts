import type { ToMember } from './messages.ts'

/** A thread or a process, from the pool's view. */
export interface Member {
  /** For display: `process 4711`. */
  readonly name: string
  /** The process that its attempts run in. */
  readonly pid: number
  /** Throws for values that can't be cloned; if the member is gone, it does nothing. */
  post(message: ToMember): void
  /** Ends it at once, even during a computation. */
  kill(): void
  /** How it ended, in Celery's wording: `signal 9 (SIGKILL)`, `exitcode 1`. Never rejects. */
  readonly gone: Promise<string>
}

/**
 * Starts a thread or a process; `hear` gets every message from it: those of the pool's code in it, and those that a task sends.
 */
export type StartMember = (hear: (said: unknown) => void) => Member
