import type { Session } from '../../broker/session.ts'
import type { Client } from '../../client/client.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Audit } from '../actions/audit.ts'
import type { Failures } from '../actions/failures.ts'
import type { Quarantines } from '../actions/quarantine.ts'
import type { HiddenPart } from '../answers/tasks.ts'
import type { Keeper } from '../archive/keeper.ts'
import type { Access, KnownVisitor } from '../auth/visitor.ts'
import type { Changes } from '../feed/changes.ts'
import type { Feed } from '../feed/feed.ts'
import type { Hide } from '../store/describe-task.ts'
import type { MonitorStore } from '../store/monitor-store.ts'
import type { KeptResults } from './kept-result.ts'

/** What the pages and the API work with. */
export interface ApiParts {
  readonly store: MonitorStore
  readonly feed: Feed
  readonly changes: Changes
  readonly session: Session
  /** For schedules and revocations. */
  readonly client: Client
  /** Reads stored results; undefined if only events report them. */
  readonly results: KeptResults | undefined
  readonly audit: Audit
  readonly quarantines: Quarantines
  readonly failures: Failures
  /** Stores tasks in a file, if requested. */
  readonly keeper: Keeper | undefined
  readonly access: Access
  readonly hide: Hide
  /** What is hidden for every task, so that the page can say so. */
  readonly hidden: readonly HiddenPart[]
  /** Host names under which the monitor may be reached, besides addresses and `localhost`. */
  readonly hosts: readonly string[]
  /** `''`, or a path like `/twq`. */
  readonly basePath: string
  readonly clock: Clock
  readonly logger: EventLogger | undefined
}

/** What the guard passes to a request's handler. */
export interface ApiEnv {
  Variables: { visitor: KnownVisitor }
}
