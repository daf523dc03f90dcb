import { celeryError } from '../protocol/exceptions.ts'
import type { RemoteError, ResultRecord } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Outcome } from '../tasks/outcome.ts'

/** What becomes of the message. `none`: it was acknowledged when the attempt started. */
export type Disposal = 'ack' | 'requeue' | 'drop' | 'quarantine' | 'none'

/** Everything that follows from an outcome; `settle` carries it out. */
export interface Settlement {
  readonly disposal: Disposal
  /** What to tell whoever waits. */
  readonly record: ResultRecord | undefined
  /** Publish the message again, to run at this time (milliseconds since the epoch). */
  readonly retryAt: number | undefined
}

/** Celery's flags for what becomes of a late-acknowledged message whose task did not end well. */
export interface FailureFlags {
  /** False: the message of a failed task is quarantined instead of acknowledged. */
  readonly ackOnFailure: boolean
  /** False: the message of a task that ran into its hard limit goes back to its queue. */
  readonly ackOnTimeout: boolean
  /** False: the death of whatever ran a task is a failure of the task. */
  readonly rejectOnLost: boolean
}

/** How the message was to be acknowledged, and whether its result is wanted. */
export interface SettlementPolicy extends FailureFlags {
  readonly acks: 'late' | 'early'
  readonly ignoreResult: boolean
}

/** Celery's rules for the end of an attempt (wire specification 3.2), in one table. Pure. */
export function decideSettlement(outcome: Outcome, message: TaskMessage, policy: SettlementPolicy): Settlement {
  const early = policy.acks === 'early'
  const done: Disposal = early ? 'none' : 'ack'
  const failed: Disposal = early || policy.ackOnFailure ? done : 'quarantine'
  const settlement = (disposal: Disposal, record?: ResultRecord, retryAt?: number): Settlement => ({
    disposal,
    record: policy.ignoreResult ? undefined : record,
    retryAt,
  })
  switch (outcome.kind) {
    case 'succeeded':
      return settlement(done, {
        taskId: message.id,
        state: 'SUCCESS',
        result: outcome.result,
        traceback: null,
        children: [],
      })
    case 'retry':
      return settlement(done, errorRecord(message, 'RETRY', outcome.error), outcome.at)
    case 'failed':
      return settlement(failed, errorRecord(message, 'FAILURE', outcome.error))
    case 'timed-out':
      // As Celery: the failure is stored also when the message goes back.
      return settlement(early || policy.ackOnTimeout ? done : 'requeue', errorRecord(message, 'FAILURE', outcome.error))
    case 'rejected':
      // Nobody waits for ever: a task that was rejected for good is a failed one.
      return outcome.requeue
        ? settlement(early ? 'none' : 'requeue')
        : settlement(early ? 'none' : 'drop', errorRecord(message, 'FAILURE', outcome.error))
    case 'ignored':
      return settlement(done)
    case 'revoked':
      return settlement('ack', errorRecord(message, 'REVOKED', celeryError('TaskRevokedError', [outcome.reason])))
    case 'lost':
      if (!early && policy.rejectOnLost) return settlement('requeue')
      return settlement(failed, errorRecord(message, 'FAILURE', outcome.error))
    case 'interrupted':
      if (!early) return settlement('requeue')
      return settlement('none', errorRecord(message, 'FAILURE', celeryError('WorkerLostError', [INTERRUPTED])))
    default:
      return unknownOutcome(outcome)
  }
}

/** What is said of a task that its worker's shutdown ended for good. */
export const INTERRUPTED = 'The worker shut down before the task could finish.'

function errorRecord(
  message: TaskMessage,
  state: 'RETRY' | 'FAILURE' | 'REVOKED',
  error: RemoteError | null,
): ResultRecord {
  return { taskId: message.id, state, error, traceback: error?.traceback ?? null, children: [] }
}

function unknownOutcome(outcome: never): never {
  throw new Error(`unknown outcome ${JSON.stringify(outcome)}`)
}
