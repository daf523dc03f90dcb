import type { Pool } from './pool.ts'
import type { StartMember } from './start-member.ts'

/** A kind of pool: what configuration and worker ask of it before a pool is open, and how one is opened. */
export interface PoolKind<Name extends string = string> {
  /** As the option `pool` and `inspect stats` have it. */
  readonly name: Name
  /** What Celery calls it, `-P prefork` for instance: heard with a notice. */
  readonly celeryNames?: readonly string[]
  /** Where its attempts run, for the documentation of the option. */
  readonly where: string
  /** Whether attempts share the worker's event loop. There code can't be ended, only abandoned, and nothing can be replaced. */
  readonly onEventLoop: boolean
  /** How many attempts run at once unless configured; missing where it is one at a time, and nothing changes that. */
  readonly concurrency?: DefaultConcurrency
  /** Makes a pool; nothing is started yet. */
  open(make: PoolMakers): Pool
}

/** How many attempts a pool runs at once unless configured. */
export interface DefaultConcurrency {
  count(): number
  /** The same for the documentation: `the processors`. */
  readonly words: string
}

/** The two ways to make a pool, with all that the worker gives it. A kind gets them, so that its file loads nothing that runs attempts. */
export interface PoolMakers {
  /** Runs attempts on this event loop. */
  onEventLoop(): Pool
  /** Runs attempts in members, which `startMember` starts: threads or processes. */
  inMembers(startMember: StartMember): Pool
}
