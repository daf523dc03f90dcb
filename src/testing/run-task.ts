import { TwqError } from '../errors.ts'
import { createLogger, type Logger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { createRouter } from '../sending/router.ts'
import type { Plugin } from '../tasks/plugin.ts'
import { pluginProblems } from '../tasks/plugin-problems.ts'
import type { AnyArguments, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { asSent, runMessage, type TaskRun } from './run-message.ts'

export type { TaskRun } from './run-message.ts'

/** The options of one run of a task. */
export interface RunTaskOptions {
  readonly id?: string
  /** 1, the default, on the first try. */
  readonly attempt?: number
  /** True if an earlier delivery may have started already. */
  readonly redelivered?: boolean
  /** The queue it came from. */
  readonly queue?: string
  /** The sender's custom headers, seen as `ctx.request.headers`. */
  readonly headers?: SendOptions['headers']
  /** Aborts the attempt. */
  readonly signal?: AbortSignal
  /** The clock for time limits and delays. The system's clock by default. */
  readonly clock?: Clock
  /** Receives the task's log lines; by default they are discarded. */
  readonly logger?: Logger
  /**
   * Plugins around the attempt and its sends, outside of the task's own `plugins`. All of them start before it and stop after it;
   * `on` is not called.
   */
  readonly plugins?: readonly Plugin[]
}

const UNHEARD = createLogger({ level: 'fatal', format: 'json', destination: { write() {} } })
const ROUTER = createRouter({ defaultQueue: 'celery' })

/**
 * Runs a task's code once, without a broker or worker but with the same behaviour: the arguments and the result pass through
 * JSON, the schema is applied, time limits apply, and `retry`, `Reject` or an error become the outcome. Never rejects for what
 * the code does; throws `TWQ_ARGUMENTS` or `TWQ_UNSERIALISABLE` for arguments that could not be sent, `TWQ_CONFIG` for an invalid
 * plugin and `TWQ_PLUGIN` for one that can't be started.
 */
export async function runTask(task: AnyTask, args?: AnyArguments, options: RunTaskOptions = {}): Promise<TaskRun> {
  const { attempt = 1, redelivered = false, queue = 'celery', clock = systemClock, logger = UNHEARD } = options
  const { signal = sharedAbort().signal, headers, id, plugins = [] } = options
  const problems = pluginProblems(plugins)
  if (problems.length > 0) throw new TwqError('TWQ_CONFIG', problems.map((problem) => `plugins${problem}`).join('\n'))
  const how = { retries: attempt - 1, queue, ...(id !== undefined && { taskId: id }), ...(headers && { headers }) }
  const message = asSent(task, args, how, { clock, router: ROUTER })
  const facts = { node: 'twq@testing', router: ROUTER }
  return await runMessage({ task, message, queue, redelivered, signal, clock, logger, plugins, ...facts })
}
