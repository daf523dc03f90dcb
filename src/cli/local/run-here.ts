import { Console } from 'node:console'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import { createLogger } from '../../runtime/log/logger.ts'
import { closest } from '../../runtime/text/closest.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { sharedAbort } from '../../runtime/time/shared-abort.ts'
import { timeLimit } from '../../runtime/time/time-limit.ts'
import { createRouter, type Router } from '../../sending/router.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry, type TaskRegistry } from '../../tasks/registry.ts'
import type { AnyTask } from '../../tasks/task.ts'
import { runMessage } from '../../testing/run-message.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { interruptible } from '../terminal/interruption.ts'
import { note } from '../terminal/output.ts'
import { progressText } from '../terminal/progress-text.ts'
import { breakBefore, waitForDebugger } from './debugger.ts'
import { openPublication } from './publication.ts'
import { reportRun } from './report-run.ts'

/** An attempt that is made in this process. */
export interface LocalRun {
  readonly config: Config
  readonly task: AnyTask
  readonly message: TaskMessage
  readonly queue: string
  readonly redelivered: boolean
  readonly router: Router
  /** The tasks of the configuration. */
  readonly registry: TaskRegistry
  /** Publish what a worker would, and store the result. */
  readonly send: boolean
  /** Where a debugger is waited for before the task's code runs: `true` for the usual address. */
  readonly inspectBrk?: string | true | undefined
  readonly flags: GlobalOptions
}

/** The tasks of the configuration. Notes what was odd about their modules. */
export async function localTasks(config: Config, flags: GlobalOptions): Promise<TaskRegistry> {
  const { tasks, warnings } = await loadTasks(config)
  for (const warning of warnings) note(warning, flags)
  return createRegistry(tasks)
}

/** The task of this name. Throws `TWQ_UNKNOWN_TASK`, with the one that was likely meant. */
export function taskNamed(name: string, registry: TaskRegistry): AnyTask {
  const task = registry.get(name)
  if (task !== undefined) return task
  const meant = closest(name, registry.names())
  throw new TwqError('TWQ_UNKNOWN_TASK', `the configuration here registers no task ${name}`, {
    hint: meant === undefined ? 'twq task list shows those that it does' : `Did you mean ${meant}?`,
  })
}

/** The router of the configuration. */
export function localRouter({ knownQueues, routes, defaultQueue, defaultPriority }: Config): Router {
  return createRouter({ queues: knownQueues, routes, defaultQueue, defaultPriority })
}

/**
 * Runs the code of a task here, once, as a worker with an `async` pool does: with its plugins and time limits. Logs, progress and what the
 * code writes to the console go to standard error, the outcome to standard output. Nothing is published or
 * stored, unless that is asked for. Resolves with the exit
 * status.
 */
export async function runHere(run: LocalRun): Promise<number> {
  const { config, message, queue, redelivered, router, inspectBrk, flags } = run
  const logger = createLogger({
    level: flags.quiet ? 'error' : config.logLevel,
    format: config.logFormat,
  })
  const ours = globalThis.console
  globalThis.console = new Console(process.stderr, process.stderr)
  try {
    if (inspectBrk !== undefined) waitForDebugger(inspectBrk, flags)
    const task = inspectBrk === undefined ? run.task : breakBefore(run.task)
    const publication = run.send ? await openPublication(config, run.registry, logger) : undefined
    await using _ = publication
    return await interruptible(async (interrupted) => {
      // Keeps the process alive, too: a task may wait for something that does not.
      using leaving = timeLimit({ signal: whenInterrupted(interrupted), reason: () => undefined })
      const { signal } = leaving
      const ended = await runMessage({
        ...{ task, message, queue, redelivered, router, signal, logger },
        node: config.nodeName,
        clock: systemClock,
        plugins: config.plugins,
        // Someone who steps through code takes as long as it takes.
        limits: inspectBrk === undefined ? { soft: config.softTimeLimit, hard: config.timeLimit } : 'none',
        sendFor: publication?.sendFor,
        onState: (state, meta) =>
          note(progressText({ taskId: message.id, state, result: meta, traceback: null, children: [] }), flags),
      })
      await publication?.settle(message, run.task, ended)
      return reportRun(message, ended, { ...flags, send: run.send })
    })
  } finally {
    globalThis.console = ours
  }
}

/** The signal by which a worker that leaves aborts its attempts. */
function whenInterrupted(interrupted: AbortSignal): AbortSignal {
  const controller = sharedAbort()
  const leave = (): void => controller.abort(new TwqError('TWQ_SHUTTING_DOWN', 'Ctrl-C has ended the run'))
  interrupted.addEventListener('abort', leave, { once: true })
  return controller.signal
}
