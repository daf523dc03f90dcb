import type { Session } from '../../broker/session.ts'
import { TwqError } from '../../errors.ts'
import { timeLimit } from '../../runtime/time/time-limit.ts'
import { tellWorkers } from '../../sending/tell-workers.ts'

const PATIENCE = 5_000

/**
 * Makes these workers send task events: Celery's `enable_events`. Rejects with `TWQ_NO_WORKER` if none would receive it, and with
 * `TWQ_BROKER_UNREACHABLE` after five seconds.
 */
export async function enableEvents(session: Session, destination: readonly string[]): Promise<void> {
  const reason = () =>
    new TwqError('TWQ_BROKER_UNREACHABLE', `the broker has not taken the request within ${PATIENCE} ms`, {
      hint: 'Try again once the broker answers: twq doctor says what keeps it from doing so',
    })
  using limit = timeLimit({ ms: PATIENCE, reason })
  await tellWorkers(session, { method: 'enable_events', destination: [...destination] }, limit.signal)
}
