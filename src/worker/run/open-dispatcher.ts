import type { Config } from '../../config/config.ts'
import type { Pool } from '../../pool/pool.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import { KeptOutcomes } from '../settle/kept-outcomes.ts'
import { Attempts, type AttemptsParts } from './attempts.ts'
import { Dispatcher } from './dispatcher.ts'

/** The parts of the worker that the dispatcher and its attempts are made of. */
export interface OpenDispatcherParts extends AttemptsParts {
  readonly config: Config
  readonly pool: Pool
  readonly table: RequestTable
  /** Whether a request that may have started before must not start now: then it was taken over. */
  readonly divert: (request: Request) => boolean
  /** Nothing new is to be taken, since outcomes can't be settled; until `onResumed`. */
  readonly onHalted: () => void
  readonly onResumed: () => void
  /** Called when a request finds no free slot. */
  readonly onWaiting: () => void
}

// Finished attempts whose results wait for the broker; beyond this no new attempt starts.
const SETTLING_LIMIT = 1_000

/** A dispatcher that runs attempts in a pool and settles them, and what keeps the outcomes that can't be settled yet. */
export function openDispatcher(parts: OpenDispatcherParts): {
  readonly dispatcher: Dispatcher
  readonly kept: KeptOutcomes
} {
  const { config, pool, table, publisher, results, giveBack, divert, onWaiting, onHalted, onResumed, clock, logger } =
    parts
  const attempts = new Attempts(parts)
  const kept = new KeptOutcomes({
    settle: (request, outcome) => attempts.settle(request, outcome),
    end: (request, outcome, error) => attempts.endUnsettled(request, outcome, error),
    patience: config.resultPatience,
    underway: () => publisher.bytes + (results.pendingBytes ?? 0),
    onHalted,
    onResumed,
    clock,
    logger,
  })
  const dispatcher = new Dispatcher({
    attempts,
    kept,
    pool,
    concurrency: config.concurrency,
    settlingLimit: SETTLING_LIMIT,
    table,
    clock,
    logger,
    giveBack,
    onWaiting,
    divert,
  })
  return { dispatcher, kept }
}
