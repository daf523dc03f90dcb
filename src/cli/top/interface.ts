import type { TaskState } from '../../events/task-state.ts'

/** The columns that tasks can be sorted by. */
export type SortKey = 'time' | 'state' | 'name' | 'worker' | 'runtime'

/** The user's choices, and the dialog that is open. */
export interface Interface {
  readonly sort: SortKey
  /** Only tasks that hold this text somewhere. */
  readonly filter: string
  /** The id of the task that the cursor is on. */
  readonly selected: string | undefined
  readonly mode: Mode
  /** The last event, for the bottom line. */
  readonly message: string | undefined
}

/** The meaning of keys now. */
export type Mode =
  | { readonly kind: 'browse' }
  | { readonly kind: 'filter' }
  | { readonly kind: 'revoke'; readonly uuid: string; readonly name: string }

/** The effects of a key press. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'revoke'; readonly uuid: string; readonly terminate: boolean }

/** A key as `node:readline` names it, and the text it stands for. */
export interface KeyPress {
  readonly name: string | undefined
  readonly text: string | undefined
}

/** How the screen begins: the newest tasks first. */
export const FIRST_SIGHT: Interface = {
  sort: 'time',
  filter: '',
  selected: undefined,
  mode: { kind: 'browse' },
  message: undefined,
}

const SORTS: readonly SortKey[] = ['time', 'state', 'name', 'worker', 'runtime']
const PAGE = 10
// Bounds the filter when a key is held down.
const LONGEST_FILTER = 200

/** The choices after a key press. `tasks` are the tasks on the screen, in its order. */
export function press(
  before: Interface,
  key: KeyPress,
  tasks: readonly TaskState[],
): { readonly after: Interface; readonly effect?: Effect } {
  switch (before.mode.kind) {
    case 'browse':
      return browse({ ...before, message: undefined }, key, tasks)
    case 'filter':
      return { after: filter(before, key) }
    case 'revoke': {
      const { uuid } = before.mode
      const after: Interface = { ...before, mode: { kind: 'browse' } }
      if (key.text === 'y') return { after, effect: { kind: 'revoke', uuid, terminate: false } }
      if (key.text === 't') return { after, effect: { kind: 'revoke', uuid, terminate: true } }
      return { after: { ...after, message: 'nothing was revoked' } }
    }
    default:
      return before.mode satisfies never
  }
}

function browse(before: Interface, key: KeyPress, tasks: readonly TaskState[]): ReturnType<typeof press> {
  switch (key.text) {
    case 'q':
      return { after: before, effect: { kind: 'quit' } }
    case 's':
      return { after: { ...before, sort: SORTS[(SORTS.indexOf(before.sort) + 1) % SORTS.length] as SortKey } }
    case '/':
      return { after: { ...before, mode: { kind: 'filter' } } }
    case 'x': {
      const task = tasks.find(({ uuid }) => uuid === before.selected)
      if (task === undefined) return { after: { ...before, message: 'choose a task first: arrow keys' } }
      return { after: { ...before, mode: { kind: 'revoke', uuid: task.uuid, name: task.name ?? '?' } } }
    }
  }
  switch (key.name) {
    case 'up':
      return { after: moved(before, tasks, -1) }
    case 'down':
      return { after: moved(before, tasks, 1) }
    case 'pageup':
      return { after: moved(before, tasks, -PAGE) }
    case 'pagedown':
      return { after: moved(before, tasks, PAGE) }
    case 'escape':
      return { after: { ...before, filter: '', selected: undefined } }
    default:
      return { after: before }
  }
}

function filter(before: Interface, { name, text }: KeyPress): Interface {
  if (name === 'return' || name === 'enter') return { ...before, mode: { kind: 'browse' } }
  if (name === 'escape') return { ...before, filter: '', mode: { kind: 'browse' } }
  if (name === 'backspace') return { ...before, filter: [...before.filter].slice(0, -1).join('') }
  if (text === undefined || /[\p{Cc}]/u.test(text) || before.filter.length >= LONGEST_FILTER) return before
  return { ...before, filter: before.filter + text }
}

function moved(before: Interface, tasks: readonly TaskState[], by: number): Interface {
  if (tasks.length === 0) return before
  const at = tasks.findIndex(({ uuid }) => uuid === before.selected)
  // Without a selection, up and down both select the first task.
  const next = at === -1 ? 0 : Math.min(Math.max(at + by, 0), tasks.length - 1)
  return { ...before, selected: tasks[next]?.uuid }
}

/** The tasks to show, in order. */
export function shownTasks(all: Iterable<TaskState>, { sort, filter: wanted }: Interface): readonly TaskState[] {
  const needle = wanted.toLowerCase()
  const shown = [...all].filter((task) => needle === '' || textOf(task).toLowerCase().includes(needle))
  return shown.sort((a, b) => compare(a, b, sort) || b.timestamp - a.timestamp || (a.uuid < b.uuid ? -1 : 1))
}

function textOf({ uuid, name, state, worker, args, kwargs }: TaskState): string {
  return [uuid, name, state, worker, args, kwargs].join(' ')
}

function compare(a: TaskState, b: TaskState, sort: SortKey): number {
  switch (sort) {
    case 'time':
      return 0
    case 'runtime':
      return (b.runtime ?? -1) - (a.runtime ?? -1)
    default:
      return (a[sort] ?? '').localeCompare(b[sort] ?? '')
  }
}
