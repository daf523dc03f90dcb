import { openSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { knownResultBackends, resultBackendOf } from '../../results/kinds/all.ts'
import { createLogger, type EventLogger, type LogDestination } from '../../runtime/log/logger.ts'
import { TurnWriter } from '../../runtime/log/turn-writer.ts'
import { packageVersion } from '../../runtime/own-package.ts'
import { claimPidFile } from '../../runtime/process/pid-file.ts'
import { onReportSignal, onStopSignals } from '../../runtime/process/process-signals.ts'
import { onEarlyExit, onStrayErrors } from '../../runtime/process/stray-errors.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry, type TaskRegistry } from '../../tasks/registry.ts'
import { createWorker } from '../../worker/create-worker.ts'
import { StateFile } from '../../worker/lifecycle/state-file.ts'
import type { Worker } from '../../worker/lifecycle/worker.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { hintWithoutTasks, type LoadedConfig, loadConfig } from '../flags/load-config.ts'
import { EXIT, exitCodeOfSignal } from '../terminal/exit-codes.ts'
import { note, print, toJson, wantsJson } from '../terminal/output.ts'
import { workerBanner } from './banner.ts'
import { heedCeleryFlags } from './celery-flags.ts'
import { type ParentLink, parentLink, type WorkerReady } from './parent-link.ts'
import { sampleTasks } from './sample-tasks.ts'

/** The flags of `twq worker start`. */
export interface WorkerStartFlags extends GlobalOptions {
  /** Started by `twq dev`: tells it of each task, and does not outlive it. */
  readonly supervised?: boolean
  readonly include?: string
  readonly logfile?: string
  readonly pidfile?: string
  readonly purge?: boolean
  /** Celery's other name for `--purge`. */
  readonly discard?: boolean
  readonly yes?: boolean
  readonly maxTasks?: string
  readonly once?: boolean
  readonly dryRun?: boolean
}

// The interval at which `--once` checks whether the queues are empty, in milliseconds.
const LOOK_AGAIN = 200

/** `twq worker start`: runs until a signal ends it. 0 after a clean stop, 1 after a forced one, 70 after an uncaught exception. */
export async function workerStart(given: WorkerStartFlags): Promise<number> {
  // Celery's other name for `--task-events`.
  const flags = given.events === true ? { ...given, taskEvents: true } : given
  for (const remark of heedCeleryFlags(flags)) note(remark, flags)
  const stopAfter = flags.maxTasks === undefined ? Number.POSITIVE_INFINITY : countOf('--max-tasks', flags.maxTasks)
  const parent = flags.supervised ? parentLink() : undefined
  const loaded = await loadConfig('worker start', flags, knownResultBackends)
  const { file } = loaded
  const config = configFor(loaded, flags)
  const logger = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    fields: { node: config.nodeName, pid: process.pid },
    ...(flags.logfile !== undefined && { destination: logFile(flags.logfile) }),
  })
  const registry = await loadRegistry(config, file, logger)
  resultBackendOf(config.resultBackend).requirePackages?.()
  if (flags.dryRun) return await showPlan(config, file, registry, { flags, logger })
  // TypeScript 5.9 leaves the `.ts` of a dynamic import that stands beside `using`: ours stand in functions of their own.
  using _pidFile = flags.pidfile === undefined ? undefined : claimPidFile(flags.pidfile)
  const brokerFrom = loaded.origins.get('broker') ?? 'default'
  return await runWorker({ flags, config, file, brokerFrom, registry, logger, parent, stopAfter })
}

async function showPlan(
  config: Config,
  file: string | undefined,
  registry: TaskRegistry,
  { flags, logger }: { readonly flags: WorkerStartFlags; readonly logger: EventLogger },
) {
  const { describePlan, planWorker } = await import('./plan.ts')
  if (config.statedb !== undefined) await new StateFile(config.statedb, logger).probe()
  const plan = await planWorker(config, file, registry.names(), isPurge(flags))
  print(wantsJson(flags) ? `${toJson(plan)}\n` : describePlan(plan))
  return EXIT.ok
}

function isPurge({ purge = false, discard = false }: WorkerStartFlags): boolean {
  return purge || discard
}

/** The parts that a worker is run with. */
interface Run {
  readonly flags: WorkerStartFlags
  readonly config: Config
  readonly file: string | undefined
  readonly brokerFrom: string
  readonly registry: TaskRegistry
  readonly logger: EventLogger
  readonly parent: ParentLink | undefined
  /** How many attempts it may settle. */
  readonly stopAfter: number
}

async function runWorker({
  flags,
  config,
  file,
  brokerFrom,
  registry,
  logger,
  parent,
  stopAfter,
}: Run): Promise<number> {
  let left = stopAfter
  if (isPurge(flags)) {
    const { purgeQueues } = await import('./purge.ts')
    if (!(await purgeQueues(config, logger, flags.yes))) return EXIT.failed
  }
  if (process.stderr.isTTY && !flags.quiet) {
    const taskNames = registry.names()
    process.stderr.write(
      workerBanner({ config, file, brokerFrom, taskNames, pid: process.pid, version: packageVersion() }),
    )
  }
  const done = deferred<void>()
  const worker = createWorker({
    config,
    registry,
    configFile: file,
    logger,
    observer: {
      settled(request, outcome) {
        parent?.settled(request, outcome)
        left -= 1
        if (left === 0) done.resolve()
      },
    },
  })
  return await runUntilStopped(worker, logger, {
    onReady() {
      parent?.ready({ file, ...sendable(config, registry), sources: sourcesOf(config, parent) })
      if (flags.once) untilIdle(worker).then(done.resolve, done.reject)
    },
    onLeaving: () => parent?.leaving(),
    done: done.promise,
  })
}

/** The configuration in force, with what the command line adds to it. */
function configFor(loaded: LoadedConfig, flags: WorkerStartFlags): Config {
  const { config } = loaded
  const included = flags.include?.split(',').map((pattern) => resolve(pattern.trim())) ?? []
  const tasks = [...config.tasks, ...included]
  // `twq dev` runs two workers for a while, which could not share the address.
  if (flags.supervised) return { ...config, tasks: lacksTasks(loaded) ? sampleTasks : tasks, health: undefined }
  return { ...config, tasks }
}

function logFile(path: string): LogDestination {
  try {
    return new TurnWriter(openSync(path, 'a'))
  } catch (cause) {
    throw new TwqError('TWQ_USAGE', `--logfile: can't write ${path}`, { cause })
  }
}

function countOf(flag: string, text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count
  throw new TwqError('TWQ_USAGE', `${flag} must be a positive whole number, got "${text}"`)
}

/** Resolves when nothing is left to do, or the worker stops before. */
async function untilIdle(worker: Worker): Promise<void> {
  let over = false
  const end = (): void => {
    over = true
  }
  worker.stopped.then(end, end)
  while (!over && !(await worker.isIdle())) await setTimeout(LOOK_AGAIN)
}

/** Whether there is neither a configuration file nor a task. */
function lacksTasks({ file, config }: LoadedConfig): boolean {
  return file === undefined && config.tasks.length === 0
}

function sendable({ defaultQueue }: Config, registry: TaskRegistry): Pick<WorkerReady, 'queue' | 'tasks'> {
  const tasks = registry.entries().map(({ task: { name, positional } }) => ({ name, positional }))
  return { queue: defaultQueue, tasks }
}

function sourcesOf({ tasks, baseDir }: Config, { imports }: ParentLink): WorkerReady['sources'] {
  return { files: imports.known(), tasks: tasks.filter((entry) => typeof entry === 'string'), baseDir }
}

async function loadRegistry(config: Config, file: string | undefined, logger: EventLogger): Promise<TaskRegistry> {
  const { tasks, warnings } = await loadTasks(config)
  for (const warning of warnings) logger.warn({ event: 'tasks.warning', warning }, 'about a task module')
  if (tasks.length > 0) return createRegistry(tasks)
  throw new TwqError('TWQ_TASKS', 'there is no task to run', {
    hint:
      config.tasks.length === 0
        ? hintWithoutTasks(file)
        : 'Export what defineTask returns from the modules that `tasks` names.',
  })
}

/** Runs the worker until it has stopped, by a signal or of its own accord, and returns the status to exit with. */
async function runUntilStopped(
  worker: Worker,
  logger: EventLogger,
  {
    onReady,
    onLeaving,
    done,
  }: {
    readonly onReady: () => void
    readonly onLeaving: () => void
    /** Resolves when the worker has done all that it was started for. */
    readonly done: Promise<void>
  },
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
    { logger, sigterm: process.env.REMAP_SIGTERM === 'SIGQUIT' ? 'SIGQUIT' : 'SIGTERM' },
  )
  using _strayErrors = onStrayErrors(
    () => {
      stopping = true
      crashed = true
      worker.stop('warm').then(() => status.resolve(EXIT.software), status.reject)
    },
    { logger },
  )
  using _exit = onEarlyExit(EXIT.software, logger)
  using _report = onReportSignal(() => logger.info({ event: 'worker.report', ...worker.report() }, 'as asked for'))
  done
    .then(() => {
      // A second call of `stop` would skip the grace period.
      if (stopping) return
      logger.info({ event: 'worker.done' }, 'all is done that the worker was started for')
      onLeaving()
      return worker.stop('warm').then(() => {})
    })
    .catch(status.reject)
  const started = worker.start().then(onReady, (error: unknown) => {
    // Stopped before it was ready: the error of the start is irrelevant.
    if (!stopping) status.reject(error)
  })
  worker.stopped.then(async (how) => {
    // A worker that can't start stops by itself: wait for the reason.
    if (!stopping) await started
    if (!crashed) status.resolve(how === 'clean' ? EXIT.ok : EXIT.failed)
  }, status.reject)
  return await status.promise
}
