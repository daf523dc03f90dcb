import type { ToMember } from './messages.ts'

/** A thread or a process, seen from the pool. */
export interface Member {
  /** For people: `process 4711`. */
  readonly name: string
  /** The process that its attempts run in. */
  readonly pid: number
  /** Throws for what can't be cloned; to a member that is gone it says nothing. */
  post(message: ToMember): void
  /** Ends it at once, also while it computes. */
  kill(): void
  /** How it ended, in Celery's words: `signal 9 (SIGKILL)`, `exitcode 1`. Never rejects. */
  readonly gone: Promise<string>
}

/** Starts a thread or a process; `hear` gets every message from it: those of the pool's code in it, and those that a task sends. */
export type StartMember = (hear: (said: unknown) => void) => Member
