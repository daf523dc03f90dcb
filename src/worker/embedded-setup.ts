import { dirname } from 'node:path'
import type { Config, UserConfig } from '../config/config.ts'
import { findConfig } from '../config/find-config.ts'
import { type ResolvedConfig, resolveWithOrigins } from '../config/resolve-config.ts'
import { TwqError } from '../errors.ts'
import { kindOf, poolKinds } from '../pool/kinds/all.ts'
import { knownResultBackends, resultBackendOf } from '../results/kinds/all.ts'
import { createLogger, type EventLogger, type Logger } from '../runtime/log/logger.ts'
import { anyOf } from '../runtime/text/any-of.ts'
import { isTask } from '../tasks/brand.ts'
import { loadTasks } from '../tasks/load-tasks.ts'
import { createRegistry, type TaskRegistry } from '../tasks/registry.ts'
import type { AnyTask } from '../tasks/task.ts'

/** The options of a worker embedded in another process. */
export interface WorkerOptions {
  /** The content of a `worker.config.ts`; relative paths start at the working directory. */
  readonly config?: UserConfig
  /** A `worker.config.ts`, or a folder that contains one, instead of `config`: threads and processes of a pool load it, too. */
  readonly configFile?: string
  /** Tasks in addition to those of the configuration. They run on this event loop, so the pool must be `'async'` or `'solo'`. */
  readonly tasks?: readonly AnyTask[]
  /**
   * Receives the log of the worker and its tasks: any pino logger. By default lines go to standard error, according to `logLevel`
   * and `logFormat`.
   */
  readonly logger?: Logger
  /**
   * The source of `TWQ_…` and Celery's variables, which then count as for the commands: `process.env`. By default none are read.
   */
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** What an embedded worker is made of. */
export interface EmbeddedSetup {
  readonly config: Config
  readonly configFile: string | undefined
  readonly registry: TaskRegistry
  readonly logger: EventLogger
  /** Whether other threads and processes can load all of the tasks. */
  readonly loadable: boolean
}

const ON_THE_LOOP = poolKinds.filter(({ onEventLoop }) => onEventLoop).map(({ name }) => name)

/** The configuration, if the options contain it; undefined if it is in a file. Throws `TWQ_CONFIG`. */
export function givenConfig({ config, configFile, env = {} }: WorkerOptions): ResolvedConfig | undefined {
  if (configFile === undefined) {
    return resolveWithOrigins({
      file: { path: 'the config of createWorker', content: config ?? {} },
      env,
      resultBackends: knownResultBackends,
      baseDir: process.cwd(),
    })
  }
  if (config === undefined) return undefined
  throw new TwqError('TWQ_CONFIG', 'createWorker takes config or configFile, and got both', {
    hint: 'A configuration file may import what the process has at hand.',
  })
}

/**
 * Loads configuration and tasks. Throws `TWQ_CONFIG_FILE`, `TWQ_CONFIG` or `TWQ_TASKS` for what can't be loaded, and `TWQ_CONFIG`
 * for tasks that exist only in this process if the pool would have to load them.
 */
export async function openSetup(
  options: WorkerOptions,
  given: ResolvedConfig | undefined = givenConfig(options),
): Promise<EmbeddedSetup> {
  const { tasks: ownTasks = [] } = options
  const { config, notices, file } = given === undefined ? await readConfigFile(options) : { ...given, file: undefined }
  // Each member of a pool loads the file, and with it the tasks in it.
  const here = [...ownTasks, ...(file === undefined ? config.tasks.filter(isTask) : [])]
  if (here.length > 0) checkPool(config, here)
  resultBackendOf(config.resultBackend).requirePackages?.()
  const logger = options.logger ?? ownLogger(config)
  for (const notice of notices) logger.warn({ event: 'config.notice', notice }, 'about the configuration')
  const { tasks, warnings } = await loadTasks(config)
  for (const warning of warnings) logger.warn({ event: 'tasks.warning', warning }, 'about a task module')
  const registry = createRegistry([...tasks, ...ownTasks])
  if (registry.names().length === 0) {
    throw new TwqError('TWQ_TASKS', 'there is no task to run', {
      hint: "Give createWorker tasks: [add], or name your modules: config: { tasks: ['./tasks/*.ts'] }",
    })
  }
  return { config, configFile: file, registry, logger, loadable: here.length === 0 }
}

async function readConfigFile({ configFile, env = {} }: WorkerOptions): Promise<ResolvedConfig & { file: string }> {
  const mode = env.NODE_ENV ?? 'production'
  const file = await findConfig({ file: configFile, cwd: process.cwd(), command: 'worker start', mode, env })
  if (file === undefined) throw new TwqError('TWQ_CONFIG_FILE', `there is no configuration file ${configFile}`)
  return {
    ...resolveWithOrigins({ file, env, resultBackends: knownResultBackends, baseDir: dirname(file.path) }),
    file: file.path,
  }
}

function checkPool({ pool }: Config, [first]: readonly AnyTask[]): void {
  if (kindOf(pool).onEventLoop) return
  throw new TwqError('TWQ_CONFIG', `the task ${first?.name} is given as an object, which pool '${pool}' can't load`, {
    hint: `Set pool to ${anyOf(ON_THE_LOOP)}, or give createWorker a configFile that names the modules of the tasks`,
  })
}

function ownLogger({ logLevel: level, logFormat: format, nodeName: node }: Config): EventLogger {
  return createLogger({ level, format, fields: { node, pid: process.pid } })
}
