import type { Pool } from './pool.ts'
import type { StartMember } from './start-member.ts'

/** A kind of pool: what configuration and worker need to know before a pool is open, and how it is opened. */
export interface PoolKind<Name extends string = string> {
  /** As in the option `pool` and in `inspect stats`. */
  readonly name: Name
  /** Celery's name, for example of `-P prefork`: accepted with a notice. */
  readonly celeryNames?: readonly string[]
  /** Where its attempts run, for the documentation of the option. */
  readonly where: string
  /** Whether attempts share the worker's event loop. There code can't be ended, only abandoned, and nothing can be replaced. */
  readonly onEventLoop: boolean
  /** The default number of attempts at once; missing if it is always one. */
  readonly concurrency?: DefaultConcurrency
  /** Creates a pool; nothing is started yet. */
  open(make: PoolMakers): Pool
}

/** The default number of attempts at once. */
export interface DefaultConcurrency {
  count(): number
  /** The same for the documentation: `the processors`. */
  readonly words: string
}

/**
 * The two ways to create a pool, with everything that the worker provides. Passed to a kind, so that its file imports nothing
 * that runs attempts.
 */
export interface PoolMakers {
  /** Runs attempts on this event loop. */
  onEventLoop(): Pool
  /** Runs attempts in members started by `startMember`: threads or processes. */
  inMembers(startMember: StartMember): Pool
}
