import { TwqError } from '../errors.ts'
import { isTask } from './brand.ts'
import type { AnyTask } from './task.ts'

/** A task and the module it came from. */
export interface RegisteredTask {
  readonly task: AnyTask
  /** The path of its module, for display; undefined for a task passed directly. */
  readonly module?: string | undefined
}

/** The tasks that a worker can run, by name. */
export interface TaskRegistry {
  get(name: string): AnyTask | undefined
  /** In alphabetical order. */
  names(): readonly string[]
  /** In the order of their names. */
  entries(): readonly RegisteredTask[]
}

/** Collects tasks by name. Throws `TWQ_TASKS` if two different tasks have the same name; the same task twice counts once. */
export function createRegistry(tasks: Iterable<AnyTask | RegisteredTask>): TaskRegistry {
  const byName = new Map<string, RegisteredTask>()
  for (const entry of tasks) {
    const registered = isTask(entry) ? { task: entry } : entry
    const { name } = registered.task
    const other = byName.get(name)
    if (other === undefined) byName.set(name, registered)
    else if (other.task !== registered.task) throw duplicate(name, other, registered)
  }
  const names = [...byName.keys()].sort()
  return {
    get: (name) => byName.get(name)?.task,
    names: () => names,
    entries: () => names.map((name) => byName.get(name) as RegisteredTask),
  }
}

function duplicate(name: string, first: RegisteredTask, second: RegisteredTask): TwqError {
  const places = [first, second].map(({ module }) => module ?? 'a task given in code')
  const where = places[0] === places[1] ? `twice in ${places[0]}` : `in ${places[0]} and in ${places[1]}`
  return new TwqError('TWQ_TASKS', `two tasks are named "${name}": ${where}`, {
    hint: 'Give one of them another name: a message names its task, and nothing else tells the two apart.',
  })
}
