import { celeryError } from '../../protocol/result/exceptions.ts'
import type { RemoteError, ResultRecord } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { TaskEnd } from '../follow-ups/follow-ups.ts'

/** What happens to the message. `none`: it was acknowledged when the attempt started. */
export type AckAction = 'ack' | 'requeue' | 'drop' | 'keep' | 'none'

/** Everything that follows from an outcome; `settle` carries it out. */
export interface Settlement {
  readonly ackAction: AckAction
  /** The result to store; undefined if the task ignores its result. */
  readonly record: ResultRecord | undefined
  /** How the task ended for its callbacks, errbacks and chord; undefined if it has not ended, or if none are called. */
  readonly ending: TaskEnd | undefined
  /**
   * Its code ran, its task has failed permanently, and no dead-letter exchange gets its message: a copy is kept, if the worker
   * keeps those.
   */
  readonly failed: boolean
  /** Publish the message again, to run at this time (milliseconds since the epoch). */
  readonly retryAt: number | undefined
}

/** Celery's flags for a late-acknowledged message whose task did not end well. */
export interface FailureFlags {
  /** False: the message of a failed task is acknowledged only once a copy of it is kept. */
  readonly ackOnFailure: boolean
  /** False: the message of a task that exceeded its hard limit returns to its queue. */
  readonly ackOnTimeout: boolean
  /** False: if the process or thread that runs a task dies, the task has failed. */
  readonly rejectOnLost: boolean
}

/** How the message was to be acknowledged, and whether its result is wanted. */
export interface SettlementPolicy extends FailureFlags {
  readonly acks: 'late' | 'early'
  readonly ignoreResult: boolean
  /** Its queue names a dead-letter exchange, which gets rejected messages. */
  readonly deadLetters: boolean
}

/** Celery's rules for the end of an attempt (wire specification 3.2), in one table. Pure. */
export function decideSettlement(outcome: Outcome, message: TaskMessage, policy: SettlementPolicy): Settlement {
  const early = policy.acks === 'early'
  const done: AckAction = early ? 'none' : 'ack'
  const failed: AckAction = early || policy.ackOnFailure ? done : 'keep'
  switch (outcome.kind) {
    case 'succeeded': {
      const { result } = outcome
      const record: ResultRecord = { taskId: message.id, state: 'SUCCESS', result, traceback: null, children: [] }
      return settlement(done, policy, record, { kind: 'succeeded', result, record })
    }
    case 'retry': {
      const record = errorRecord(message, 'RETRY', outcome.error)
      return settlement(done, policy, record, undefined, outcome.at)
    }
    case 'failed':
      return failure(failed, policy, errorRecord(message, 'FAILURE', outcome.error), true)
    case 'timed-out': {
      // As in Celery, the failure is stored and the errbacks are called even if the message returns to its queue.
      const ackAction = early || policy.ackOnTimeout ? done : 'requeue'
      return failure(ackAction, policy, errorRecord(message, 'FAILURE', outcome.error), true)
    }
    case 'rejected':
      // A task that was rejected permanently, or can't be requeued any more, has failed: a caller must not wait for its result
      // for ever.
      if (outcome.requeue && !early) return settlement('requeue', policy)
      return {
        ...failure(early ? 'none' : 'drop', policy, errorRecord(message, 'FAILURE', outcome.error), false),
        // Otherwise its message would be lost.
        failed: early || !policy.deadLetters,
      }
    case 'ignored':
    case 'replaced':
      return settlement(done, policy)
    case 'revoked': {
      const error = celeryError('TaskRevokedError', [outcome.reason])
      return failure('ack', policy, errorRecord(message, 'REVOKED', error), false)
    }
    case 'lost':
      if (!early && policy.rejectOnLost) return settlement('requeue', policy)
      return failure(failed, policy, errorRecord(message, 'FAILURE', outcome.error), true)
    case 'interrupted': {
      if (!early) return settlement('requeue', policy)
      const error = celeryError('WorkerLostError', [INTERRUPTED])
      return failure('none', policy, errorRecord(message, 'FAILURE', error), true)
    }
    default:
      return unknownOutcome(outcome)
  }
}

function settlement(
  ackAction: AckAction,
  { ignoreResult }: SettlementPolicy,
  record?: ResultRecord,
  ending?: TaskEnd,
  retryAt?: number,
): Settlement {
  // Errbacks are called for results of the task's code.
  const failed = ending?.kind === 'failed' && ending.callsErrbacks && ackAction !== 'requeue'
  return { ackAction, record: ignoreResult ? undefined : record, ending, failed, retryAt }
}

function failure(
  ackAction: AckAction,
  policy: SettlementPolicy,
  record: ResultRecord,
  callsErrbacks: boolean,
): Settlement {
  return settlement(ackAction, policy, record, { kind: 'failed', callsErrbacks, record })
}

/** The error of a task that its worker's shutdown ended for good. */
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
