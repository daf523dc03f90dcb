import { needsConnections } from '../../canvas/built-in.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import type { PluginList } from '../../plugins/plugin-list.ts'
import type { AsyncPoolOptions } from '../../pool/async.ts'
import { Crew } from '../../pool/crew.ts'
import { kindOf } from '../../pool/kinds/all.ts'
import { processes, startProcess } from '../../pool/kinds/processes.ts'
import { openKind, type PoolSettings } from '../../pool/open-kind.ts'
import type { Pool } from '../../pool/pool.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { MemberSetup } from './member-host.ts'

/** What every pool needs, and what its members need to load the tasks themselves. */
export interface PoolParts extends Pick<AsyncPoolOptions, 'logger' | 'sendFor' | 'limitsFor' | 'clock'> {
  readonly config: Config
  readonly registry: TaskRegistry
  readonly plugins: PluginList
  /** The configuration file, if there is one. */
  readonly configFile: string | undefined
}

// Beside this file, with the same extension: TypeScript in the sources, JavaScript when installed.
const HOST_MODULE = import.meta.url.replace(/[^/]+(\.[jt]s)$/, 'member-host$1')

/**
 * The pool that the configuration selects; nothing is started yet. Throws `TWQ_CONFIG` for plugins that its members can't load.
 */
export function openPool(parts: PoolParts): Pool {
  const { config, configFile } = parts
  const kind = kindOf(config.pool)
  if (!kind.onEventLoop && configFile === undefined && config.plugins.length > 0) {
    throw new TwqError('TWQ_CONFIG', `plugins given as objects can't be passed to ${kind.name}`, {
      hint: `Give them in a configuration file, which each of the ${kind.name} loads, or use pool: 'async'`,
    })
  }
  return openKind(kind, settingsOf(parts))
}

/**
 * A process that runs tasks of the worker beside a pool of any kind, so that a task that kills its process ends only that one;
 * nothing is started yet.
 */
export function openIsolationCrew(parts: PoolParts): Crew {
  return new Crew({ ...settingsOf(parts), kind: processes.name, size: 1, startMember: startProcess })
}

function settingsOf({ config, registry, plugins, configFile, ...others }: PoolParts): PoolSettings {
  const { sendFor } = others
  const { sends } = plugins
  const setup: MemberSetup = {
    file: configFile,
    baseDir: config.baseDir,
    modules: config.tasks.filter((entry) => typeof entry === 'string'),
    takeTasks: config.tasks.some((entry) => typeof entry !== 'string'),
    takePlugins: config.plugins.length > 0,
    plugins: plugins.setup,
  }
  return {
    ...others,
    lookup: registry.get,
    aroundOf: plugins.aroundOf,
    sendForHere: sends && ((message) => sends.around(sendFor(message), message)),
    needsWorker: (task) => needsConnections(task, registry),
    size: config.concurrency,
    hostModule: HOST_MODULE,
    setup,
    taskNames: registry.names(),
    pluginNames: plugins.names,
    leaveTimeout: plugins.names.length > 0 ? config.shutdown.grace : undefined,
    maxResultSize: config.maxResultSize,
    maxTasksPerChild: config.maxTasksPerChild,
    maxMemoryPerChild: config.maxMemoryPerChild,
  }
}
