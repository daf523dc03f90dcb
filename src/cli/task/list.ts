import { loadTasks } from '../../tasks/load-tasks.ts'
import { createRegistry, type RegisteredTask } from '../../tasks/registry.ts'
import type { AnyTask } from '../../tasks/task.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { hintWithoutTasks, loadConfig } from '../flags/load-config.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { type Column, note, print, table, terminalStyle, toJson, wantsJson } from '../terminal/output.ts'

/** `twq task list`: the tasks that the configuration registers. Nothing is asked of the broker. */
export async function taskList(flags: GlobalOptions): Promise<number> {
  const { config, file } = await loadConfig('task list', flags)
  const { tasks, warnings } = await loadTasks(config)
  for (const warning of warnings) note(warning, flags)
  const entries = createRegistry(tasks).entries()
  if (wantsJson(flags)) print(`${toJson(entries.map(taskDocument))}\n`)
  else if (entries.length > 0) print(table(entries, COLUMNS, terminalStyle()))
  else {
    note('the configuration registers no task', flags)
    if (config.tasks.length === 0) note(hintWithoutTasks(file), flags)
  }
  return EXIT.ok
}

const COLUMNS: readonly Column<RegisteredTask>[] = [
  { title: 'NAME', cell: ({ task }) => task.name },
  { title: 'ARGUMENTS', cell: ({ task }) => argumentsOf(task), elastic: true },
  { title: 'QUEUE', cell: ({ task }) => task.settings.queue ?? '' },
  { title: 'MODULE', cell: ({ module }) => module ?? '', elastic: true },
]

/** As Python writes a signature: after `*` the parameters given by name only, and `**` for any name. */
function argumentsOf({ positional, named }: AnyTask): string {
  const byName = named === '*' ? ['**'] : named === undefined || named.length === 0 ? [] : ['*', ...named]
  return [...positional, ...byName].join(', ')
}

function taskDocument({ task, module }: RegisteredTask): object {
  const { name, positional, named = null, settings } = task
  return { name, positional, named, queue: settings.queue ?? null, module: module ?? null }
}
