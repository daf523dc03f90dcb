import { withBuiltIns } from '../../canvas/built-in.ts'
import { findConfig } from '../../config/find-config.ts'
import { TwqError } from '../../errors.ts'
import type { Host } from '../../pool/host.ts'
import { isTask } from '../../tasks/brand.ts'
import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry } from '../../tasks/registry.ts'
import type { AnyTask } from '../../tasks/task.ts'

/** What a member is told, so that it has the tasks of the worker. Plain data. */
export interface MemberSetup {
  /** The configuration file, if there is one. It is loaded in every member: it may prepare more than its default export. */
  readonly file: string | undefined
  readonly baseDir: string
  /** The task modules of the configuration in force. */
  readonly modules: readonly string[]
  /** True when that also holds tasks themselves: they are taken from the file. */
  readonly takeTasks: boolean
}

/** Inside a member: loads configuration file and tasks as the worker did. */
export async function openHost(setup: unknown): Promise<Host> {
  const { file, baseDir, modules, takeTasks } = setup as MemberSetup
  const own = file === undefined ? [] : await tasksIn(file, baseDir)
  const { tasks } = await loadTasks({ tasks: [...modules, ...(takeTasks ? own : [])], baseDir })
  return { tasks: withBuiltIns(createRegistry(tasks), { apply: refuse, unlock: refuse }) }
}

/** Members have no connection to publish on: the worker runs these itself. */
async function refuse(): Promise<never> {
  throw new TwqError('TWQ_INTERNAL', 'a built-in task that sends others was given to a member of the pool')
}

async function tasksIn(file: string, cwd: string): Promise<readonly AnyTask[]> {
  const mode = process.env.NODE_ENV ?? 'production'
  const found = await findConfig({ file, cwd, command: 'worker start', mode, env: process.env })
  const { tasks } = (found?.content ?? {}) as { readonly tasks?: unknown }
  return Array.isArray(tasks) ? tasks.filter(isTask) : []
}
