import type { TaskState } from '../../events/task-state.ts'
import { matchesGlob } from '../../runtime/text/glob.ts'
import type { TaskList } from '../answers/tasks.ts'
import { type Hide, hiddenOf, rowOf } from './describe-task.ts'
import type { MonitorStore } from './monitor-store.ts'

/** A filter for tasks; without any field, all match. */
export interface TaskQuery {
  readonly state?: string | undefined
  /** A name, or a pattern like `emails.*`. */
  readonly name?: string | undefined
  readonly worker?: string | undefined
  /** A text contained in what is shown of the task, case-insensitive. */
  readonly text?: string | undefined
  /** The last event arrived at or after the first, and before the second; seconds since the epoch. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** The maximum number of tasks. */
  readonly limit: number
  /** The `next` of the previous page. */
  readonly before?: string | undefined
}

// The limit for a menu.
const MOST_CHOICES = 200

/** The values by which a list can be filtered, as far as the store remembers them. */
export function choicesOf(store: MonitorStore): Pick<TaskList, 'states' | 'names' | 'workers'> {
  const all = [...store.tasks.values()]
  return {
    states: choices(all, ({ state }) => state),
    names: choices(all, ({ name }) => name),
    workers: choices(all, ({ worker }) => worker),
  }
}

/** The matching tasks, the most recently seen first; `now` is in seconds since the epoch. */
export function listTasks(store: MonitorStore, query: TaskQuery, hide: Hide, now: number): TaskList {
  const all = [...store.tasks.values()]
  const matching = all.filter((task) => isMeant(task, query, hide)).sort(newestFirst)
  const from = query.before === undefined ? 0 : matching.findIndex((task) => isAfter(task, query.before as string))
  const page = from < 0 ? [] : matching.slice(from, from + query.limit)
  const last = page.at(-1)
  return {
    tasks: page.flatMap(({ uuid }) => {
      const view = store.task(uuid)
      return view === undefined ? [] : rowOf(view, store, hide, now)
    }),
    matching: matching.length,
    remembered: all.length,
    next: last !== undefined && last !== matching.at(-1) ? placeOf(last) : undefined,
    ...choicesOf(store),
  }
}

/** The position of a task in the list: what comes after it is on the next page, even if newer tasks have arrived. */
export function placeOf({ timestamp, uuid }: TaskState): string {
  return `${timestamp}~${uuid}`
}

function isAfter({ timestamp, uuid }: TaskState, place: string): boolean {
  const at = place.indexOf('~')
  const [time, id] = [Number(place.slice(0, at)), place.slice(at + 1)]
  return timestamp < time || (timestamp === time && uuid > id)
}

function newestFirst(a: TaskState, b: TaskState): number {
  return b.timestamp - a.timestamp || (a.uuid < b.uuid ? -1 : 1)
}

function isMeant(task: TaskState, { state, name, worker, text, since, until }: TaskQuery, hide: Hide): boolean {
  return (
    (state === undefined || task.state === state) &&
    (worker === undefined || task.worker === worker) &&
    (since === undefined || task.timestamp >= since) &&
    (until === undefined || task.timestamp < until) &&
    (name === undefined || (task.name !== undefined && matchesGlob(task.name, name))) &&
    (text === undefined || holdsText(task, text, hide))
  )
}

/**
 * Whether every word of a text is contained in what is shown of a task. Hidden parts can't be searched: whether they match would
 * reveal them, letter by letter.
 */
export function holdsText(task: TaskState, text: string, hide: Hide): boolean {
  const hidden = hiddenOf(task, hide)
  const { uuid, name, worker, args, kwargs, result, exception } = task
  const texts = [
    ...[uuid, name, worker],
    ...(hidden.has('args') ? [] : [args, kwargs]),
    ...(hidden.has('results') ? [] : [result]),
    ...(hidden.has('errors') ? [] : [exception]),
  ]
  const searched = texts.join('\n').toLowerCase()
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word))
}

function choices(all: readonly TaskState[], of: (task: TaskState) => string | undefined): readonly string[] {
  return [...new Set(all.flatMap((task) => of(task) ?? []))].sort().slice(0, MOST_CHOICES)
}
