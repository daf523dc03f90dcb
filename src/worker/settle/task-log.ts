import type { PluginList } from '../../plugins/plugin-list.ts'
import { argsText } from '../../protocol/result/exceptions.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Request } from '../request/request.ts'

/**
 * One line for each ended task: its outcome, and how long its code ran. If that code was ended, or has ended its process, the
 * line names the plugins around it, since one of them may be the cause.
 */
export function logSettled(
  logger: EventLogger,
  request: Request,
  outcome: Outcome,
  plugins?: Pick<PluginList, 'namesAround'>,
): void {
  const { message } = request
  const task = { task_id: message.id, task: message.task, queue: request.queue, attempt: message.retries + 1 }
  switch (outcome.kind) {
    case 'succeeded':
      logger.info({ event: 'task.succeeded', ...task, duration_ms: rounded(outcome.runtime) }, 'task succeeded')
      return
    case 'failed':
      logger.error(
        { event: 'task.failed', ...task, duration_ms: rounded(outcome.runtime), error: remote(outcome.error) },
        'task failed',
      )
      return
    case 'retry': {
      const error = outcome.error === null ? undefined : remote(outcome.error)
      logger.warn(
        { event: 'task.retried', ...task, eta: new Date(outcome.at).toISOString(), error },
        'task will be retried',
      )
      return
    }
    case 'timed-out':
      logger.error(
        { event: 'task.timeout', ...task, limit_ms: outcome.limit, ...around(request, plugins) },
        'task ran into its hard time limit',
      )
      return
    case 'rejected':
      logger.warn({ event: 'task.rejected', ...task, requeue: outcome.requeue }, 'task rejected')
      return
    case 'replaced':
      logger.info({ event: 'task.replaced', ...task }, 'task replaced itself')
      return
    case 'ignored':
      logger.info({ event: 'task.ignored', ...task }, 'task asked to be ignored')
      return
    case 'revoked':
      logger.warn({ event: 'task.revoked', ...task, reason: outcome.reason }, 'task revoked')
      return
    case 'lost':
      logger.error(
        { event: 'task.lost', ...task, error: remote(outcome.error), ...around(request, plugins) },
        'the member that ran the task died',
      )
      return
    case 'interrupted':
      logger.warn({ event: 'task.interrupted', ...task, acks: request.acks }, 'task interrupted by the shutdown')
      return
  }
}

function around({ task }: Request, plugins: Pick<PluginList, 'namesAround'> | undefined): object {
  const names = plugins?.namesAround(task) ?? []
  return names.length === 0 ? {} : { plugins: names }
}

function remote(error: RemoteError): object {
  return { type: error.type, message: argsText(error), stack: error.traceback }
}

function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000
}
