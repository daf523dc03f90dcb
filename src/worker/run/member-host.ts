import { withBuiltIns } from '../../canvas/built-in.ts'
import { findConfig } from '../../config/find-config.ts'
import { TwqError } from '../../errors.ts'
import { PluginList, type PluginListParts } from '../../plugins/plugin-list.ts'
import type { Host, HostPlugins } from '../../pool/host.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { isTask } from '../../tasks/brand.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import type { Plugin } from '../../tasks/plugin.ts'
import { pluginProblems } from '../../tasks/plugin-problems.ts'
import { createRegistry } from '../../tasks/registry.ts'

/** The setup with which a member loads the same tasks as the worker. Plain data. */
export interface MemberSetup {
  /** The configuration file, if there is one. Every member loads it: it may have effects beyond its default export. */
  readonly file: string | undefined
  readonly baseDir: string
  /** The task modules of the resolved configuration. */
  readonly modules: readonly string[]
  /** True if it also contains tasks themselves: they are taken from the file. */
  readonly takeTasks: boolean
  /** The settings with which plugins are started and run. */
  readonly plugins: Pick<PluginListParts, 'host' | 'startTimeout' | 'stopTimeout' | 'publishTimeout'>
  /** True if the resolved configuration has plugins: they are taken from the file. */
  readonly takePlugins: boolean
}

/** Inside a member: loads configuration file and tasks as the worker did, and starts its plugins. */
export async function openHost(setup: unknown, { logger }: { readonly logger: EventLogger }): Promise<Host> {
  const { file, baseDir, modules, takeTasks, takePlugins, plugins } = setup as MemberSetup
  const content = file === undefined ? {} : await contentOf(file, baseDir)
  const own = takeTasks && Array.isArray(content.tasks) ? content.tasks.filter(isTask) : []
  const { tasks } = await loadTasks({ tasks: [...modules, ...own], baseDir })
  const registry = createRegistry(tasks)
  const list = new PluginList({
    ...plugins,
    plugins: takePlugins ? pluginsOf(content.plugins) : [],
    tasks: registry.entries().map(({ task }) => task),
    logger,
    clock: systemClock,
  })
  await list.start()
  return {
    tasks: withBuiltIns(registry, { apply: refuse, unlock: refuse }),
    plugins: list.names.length === 0 ? undefined : hostPlugins(list),
  }
}

function hostPlugins(list: PluginList): HostPlugins {
  const { names, aroundOf, sends } = list
  return { names, aroundOf, surround: sends && ((send, parent) => sends.around(send, parent)), stop: () => list.stop() }
}

/** Checks the plugins again: here the file may return others than in the worker. */
function pluginsOf(plugins: unknown): readonly Plugin[] {
  const [problem] = pluginProblems(plugins)
  if (problem === undefined) return plugins as readonly Plugin[]
  throw new TwqError('TWQ_PLUGIN', `plugins${problem}, in a thread or process of the pool`)
}

/** Members have no connection to publish on: the worker runs these itself. */
async function refuse(): Promise<never> {
  throw new TwqError('TWQ_INTERNAL', 'a built-in task that sends others was given to a member of the pool')
}

async function contentOf(file: string, cwd: string): Promise<{ readonly tasks?: unknown; readonly plugins?: unknown }> {
  const mode = process.env.NODE_ENV ?? 'production'
  const found = await findConfig({ file, cwd, command: 'worker start', mode, env: process.env })
  return found?.content ?? {}
}
