import type { Session } from '../broker/session.ts'
import { TwqError } from '../errors.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { timeLimit } from '../runtime/time/time-limit.ts'
import type { RevokeOptions } from '../tasks/sending.ts'
import { tellWorkers } from './tell-workers.ts'

/** Has every worker of the broker told not to run these tasks. */
export type Revoke = (ids: readonly string[], options?: RevokeOptions) => Promise<void>

/**
 * Tells all workers, Python's and ours, not to run some tasks, and with `terminate` to end running ones: Celery's
 * `app.control.revoke`. Resolves once the broker has the request. Rejects with `TWQ_ARGUMENTS` for invalid options,
 * with `TWQ_NO_WORKER` where no worker would hear it, and with `TWQ_BROKER_UNREACHABLE` after `within` milliseconds.
 */
export async function revokeTasks(
  session: Session,
  ids: readonly string[],
  { terminate = false, signal = 'SIGTERM' }: RevokeOptions,
  within: number,
): Promise<void> {
  checkRevocation(ids, terminate, signal)
  using limit = timeLimit({ ms: within, reason: () => tooLate(ids, within) })
  await tellWorkers(session, { method: 'revoke', arguments: { task_id: [...ids], terminate, signal } }, limit.signal)
}

function checkRevocation(ids: readonly string[], terminate: unknown, signal: unknown): void {
  if (!ids.every((id) => typeof id === 'string' && id !== '')) {
    throw new TwqError('TWQ_ARGUMENTS', 'revoke takes task ids, which are strings')
  }
  if (typeof terminate !== 'boolean') {
    throw new TwqError('TWQ_ARGUMENTS', `terminate must be true or false, got ${typeof terminate}`)
  }
  if (typeof signal !== 'string' || !/^[A-Z][A-Z0-9]*$/.test(signal)) {
    throw new TwqError('TWQ_ARGUMENTS', `signal must be the name of a signal, got ${shownValue(signal)}`, {
      hint: "Write for example revoke({ terminate: true, signal: 'SIGKILL' })",
    })
  }
}

function tooLate([id = 'nothing']: readonly string[], within: number): TwqError {
  return new TwqError(
    'TWQ_BROKER_UNREACHABLE',
    `the revocation of ${id} was not confirmed by the broker within ${within} ms`,
    {
      hint: 'Revoke it again once the broker answers: twice does no harm',
    },
  )
}
