import type { Config } from '../../config/config.ts'
import type { Pool } from '../../pool/pool.ts'
import type { Republisher } from '../quarantine/republisher.ts'
import type { Moments } from '../request/moments.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import { KeptOutcomes } from '../settle/kept-outcomes.ts'
import { Attempts, type AttemptsParts } from './attempts.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Twins } from './twins.ts'

/** The parts of the worker that the dispatcher and its attempts are made of. */
export interface OpenDispatcherParts extends Omit<AttemptsParts, 'giveBack'> {
  readonly config: Config
  readonly pool: Pool
  readonly table: RequestTable
  readonly republisher: Republisher
  readonly twins: Twins
  readonly moments: Moments
}

// Finished attempts whose results wait for the broker; beyond this no new attempt starts.
const SETTLING_LIMIT = 1_000

/** A dispatcher that runs attempts in a pool and settles them, and the part that keeps outcomes that can't be settled yet. */
export function openDispatcher(parts: OpenDispatcherParts): {
  readonly dispatcher: Dispatcher
  readonly kept: KeptOutcomes
} {
  const { config, publisher, results, republisher } = parts
  const giveBack = (requests: readonly Request[]): Promise<void> => republisher.giveBackOnce(requests)
  const attempts = new Attempts({ ...parts, giveBack })
  const kept = new KeptOutcomes({
    ...parts,
    settle: (request, outcome) => attempts.settleAgain(request, outcome),
    end: (request, outcome, error) => attempts.endUnsettled(request, outcome, error),
    patience: config.resultPatience,
    underway: () => publisher.bytes + (results.pendingBytes ?? 0),
  })
  const { concurrency } = config
  const dispatcher = new Dispatcher({
    ...parts,
    attempts,
    kept,
    concurrency,
    settlingLimit: SETTLING_LIMIT,
    giveBack,
  })
  return { dispatcher, kept }
}
