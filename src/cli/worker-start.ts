import type { Config } from '../config/config.ts'
import { TwqError } from '../errors.ts'
import { deferred } from '../runtime/deferred.ts'
import { createLogger, type Logger } from '../runtime/logger.ts'
import { onStopSignals } from '../runtime/process-signals.ts'
import { onStrayErrors } from '../runtime/stray-errors.ts'
import { packageVersion } from '../runtime/version.ts'
import { loadTasks } from '../tasks/load-tasks.ts'
import { createRegistry, type TaskRegistry } from '../tasks/registry.ts'
import type { Worker } from '../worker/create-worker.ts'
import { parentLink, type WorkerReady } from './dev/parent-link.ts'
import { sampleTasks } from './dev/sample-tasks.ts'
import { EXIT, exitCodeOfSignal } from './exit-codes.ts'
import type { GlobalOptions } from './global-options.ts'
import { type LoadedConfig, loadConfig } from './load-config.ts'
import { workerBanner } from './worker-banner.ts'

/** The flags of `twq worker start`. */
export interface WorkerStartFlags extends GlobalOptions {
  /** Started by `twq dev`: tells it of each task, and does not outlive it. */
  readonly supervised?: boolean
}

/** `twq worker start`: runs until a signal ends it. 0 after a clean stop, 1 after a forced one, 70 after an exception that nobody caught. */
export async function workerStart(flags: WorkerStartFlags): Promise<number> {
  const parent = flags.supervised ? parentLink() : undefined
  const loaded = await loadConfig('worker start', flags)
  const { file } = loaded
  const config = parent && lacksTasks(loaded) ? { ...loaded.config, tasks: sampleTasks } : loaded.config
  const logger = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    fields: { node: config.nodeName, pid: process.pid },
  })
  const registry = await loadRegistry(config, logger)
  if (process.stderr.isTTY && !flags.quiet) {
    const taskNames = registry.names()
    process.stderr.write(workerBanner({ config, file, taskNames, pid: process.pid, version: packageVersion() }))
  }
  const { createWorker } = await import('../worker/create-worker.ts')
  const worker = createWorker({
    config,
    registry,
    configFile: file,
    logger,
    ...(parent && { onSettled: parent.settled }),
  })
  return await runUntilStopped(worker, logger, {
    onReady: () => parent?.ready({ file, ...sendable(config, registry) }),
    onLeaving: () => parent?.leaving(),
  })
}

/** Nothing says yet what to run, not even a configuration file without tasks. */
function lacksTasks({ file, config }: LoadedConfig): boolean {
  return file === undefined && config.tasks.length === 0
}

function sendable({ defaultQueue }: Config, registry: TaskRegistry): Pick<WorkerReady, 'queue' | 'tasks'> {
  const tasks = registry.entries().map(({ task: { name, positional } }) => ({ name, positional }))
  return { queue: defaultQueue, tasks }
}

async function loadRegistry(config: Config, logger: Logger): Promise<TaskRegistry> {
  const { tasks, warnings } = await loadTasks(config)
  for (const warning of warnings) logger.warn({ event: 'tasks.warning', warning }, 'about a task module')
  if (tasks.length > 0) return createRegistry(tasks)
  throw new TwqError('TWQ_TASKS', 'there is no task to run', {
    hint:
      config.tasks.length === 0
        ? "Name your task modules in worker.config.ts: tasks: ['./tasks/*.ts']"
        : 'Export what defineTask returns from the modules that `tasks` names.',
  })
}

/** Runs the worker until it has stopped, by a signal or of its own accord, and returns the status to exit with. */
async function runUntilStopped(
  worker: Worker,
  logger: Logger,
  { onReady, onLeaving }: { readonly onReady: () => void; readonly onLeaving: () => void },
): Promise<number> {
  const status = deferred<number>()
  let stopping = false
  let crashed = false
  using _signals = onStopSignals(
    (request, signal) => {
      stopping = true
      if (request === 'now') status.resolve(exitCodeOfSignal(signal))
      else worker.stop(request).catch(status.reject)
      onLeaving()
    },
    { logger },
  )
  using _strayErrors = onStrayErrors(
    () => {
      stopping = true
      crashed = true
      worker.stop('warm').then(() => status.resolve(EXIT.software), status.reject)
    },
    { logger },
  )
  worker.start().then(onReady, (error: unknown) => {
    // Stopped before it was up: what became of the start no longer matters.
    if (!stopping) status.reject(error)
  })
  worker.stopped.then((how) => {
    if (!crashed) status.resolve(how === 'clean' ? EXIT.ok : EXIT.failed)
  }, status.reject)
  return await status.promise
}
