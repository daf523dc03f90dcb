import {
  type TaskEvent,
  taskFailed,
  taskReceived,
  taskRetried,
  taskRevoked,
  taskSucceeded,
} from '../../protocol/remote/event.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Request } from '../request/request.ts'
import { INTERRUPTED } from './settlement.ts'

/** The event for monitors when the message of a request has arrived. */
export function receivedEvent({ message }: Request): TaskEvent {
  return taskReceived(message)
}

/** The event for monitors when the code of a task is about to start. */
export function startedEvent({ message }: Request): TaskEvent {
  return { type: 'task-started', uuid: message.id }
}

/**
 * The event for monitors of an outcome once it is settled, or of a retry before it can run: none for a task that returns to its
 * queue because of a shutdown.
 */
export function settledEvents(request: Request, outcome: Outcome): readonly TaskEvent[] {
  const { id } = request.message
  switch (outcome.kind) {
    case 'succeeded':
      return [taskSucceeded(id, outcome.result, outcome.runtime)]
    case 'retry':
      return [taskRetried(id, outcome.error)]
    case 'failed':
    case 'timed-out':
      return [taskFailed(id, outcome.error)]
    case 'rejected': {
      // As in Celery: an acknowledged message can't be rejected. The task has failed, like all that do not return to their queue.
      const early = request.acks === 'early'
      const { requeue } = outcome
      const rejected: readonly TaskEvent[] = early ? [] : [{ type: 'task-rejected', uuid: id, requeue }]
      return requeue && !early ? rejected : [...rejected, taskFailed(id, outcome.error)]
    }
    case 'revoked':
      return [taskRevoked(id, outcome.reason, request.terminatedBy)]
    case 'lost':
      // The broker still has it: it will run again and has not failed.
      return request.acknowledged ? [taskFailed(id, outcome.error)] : []
    case 'interrupted':
      return request.acknowledged ? [taskFailed(id, celeryError('WorkerLostError', [INTERRUPTED]))] : []
    case 'ignored':
    case 'replaced':
      return []
  }
}
