import type { TaskState } from '../../events/task-state.ts'
import { isAlive, type WorkerState } from '../../events/worker-state.ts'
import { endWithin, startWithin } from '../../runtime/text/display-width.ts'
import { printable } from '../../runtime/text/printable.ts'
import { type Column, table, toJson } from '../terminal/output.ts'
import { type Interface, shownTasks } from './interface.ts'

/** A queue, as the broker knows it. */
export interface QueueView {
  readonly name: string
  /** Undefined if the queue does not exist. */
  readonly ready: number | undefined
  readonly consumers: number | undefined
}

/** All that is shown. */
export interface Scene {
  readonly workers: Iterable<WorkerState>
  readonly tasks: Iterable<TaskState>
  readonly queues: readonly QueueView[]
  /** Seconds since the epoch. */
  readonly now: number
}

/** How large the screen is, and how some of its text is set off. */
export interface Frame {
  readonly rows: number
  readonly columns: number
  readonly mark: (text: string, as: 'title' | 'selected' | 'bar') => string
}

const HELP = 's sort  / filter  x revoke  up/down choose  q quit'

/** The screen, `rows` lines of it at most, none wider than `columns`. */
export function screen(scene: Scene, chosen: Interface, { rows, columns, mark }: Frame): readonly string[] {
  const tasks = shownTasks(scene.tasks, chosen)
  const workers = sortedWorkers(scene)
  const head = startWithin(`${summary(scene, workers, tasks.length)}  by ${chosen.sort}${filterText(chosen)}`, columns)
  const lines = [mark(head, 'bar')]
  // A quarter for the workers, a fifth for the queues, and the tasks have the rest.
  const part = (share: number): number => Math.max(1, Math.floor(rows * share))
  lines.push(...section(workers.slice(0, part(0.25)), workerColumns(scene.now), columns, mark))
  lines.push(...section(scene.queues.slice(0, part(0.2)), QUEUES, columns, mark))
  // Its title and the bottom line take two.
  const room = Math.max(0, rows - lines.length - 2)
  const cursor = tasks.findIndex(({ uuid }) => uuid === chosen.selected)
  const first = Math.max(0, Math.min(cursor - Math.floor(room / 2), tasks.length - room))
  const taskLines = section(tasks.slice(first, first + room), taskColumns(scene.now), columns, mark)
  lines.push(
    ...taskLines.map((line, index) => (cursor !== -1 && index - 1 + first === cursor ? mark(line, 'selected') : line)),
  )
  return [...lines.slice(0, Math.max(0, rows - 1)), startWithin(bottomLine(chosen, columns), columns)]
}

/** Everything for programs: workers and tasks by Celery's keys, the newest tasks first. */
export function sceneAsJson(scene: Scene, chosen: Interface, options: { readonly compact: boolean }): string {
  const { now, queues } = scene
  const workers = sortedWorkers(scene).map((worker) => ({ ...underscored(worker), alive: isAlive(worker, now) }))
  const tasks = shownTasks(scene.tasks, chosen).map(underscored)
  return `${toJson({ timestamp: now, workers, queues, tasks }, options)}\n`
}

/** Names in JSON are those of Celery's events: `root_id` for `rootId`. */
function underscored(view: object): Record<string, unknown> {
  const entries = Object.entries(view)
  return Object.fromEntries(
    entries.map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]),
  )
}

/** Everything as plain tables, for a file or a pipe, with the newest `most` tasks. */
export function report(scene: Scene, chosen: Interface, most: number): string {
  const tasks = shownTasks(scene.tasks, chosen)
  const workers = sortedWorkers(scene)
  return [
    `${new Date(scene.now * 1000).toISOString()}  ${summary(scene, workers, tasks.length)}\n`,
    table(workers, workerColumns(scene.now)),
    table(scene.queues, QUEUES),
    table(tasks.slice(0, most), taskColumns(scene.now)),
  ].join('\n')
}

function section<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  width: number,
  mark: Frame['mark'],
): readonly string[] {
  const [title = '', ...lines] = table(rows, columns, { width, unwrapped: true }).trimEnd().split('\n')
  return [mark(startWithin(title, width), 'title'), ...lines.map((line) => startWithin(line, width))]
}

function summary({ now }: Scene, workers: readonly WorkerState[], tasks: number): string {
  const alive = workers.filter((worker) => isAlive(worker, now)).length
  return `workers ${alive}/${workers.length}  tasks ${tasks}`
}

function filterText({ filter }: Interface): string {
  return filter === '' ? '' : `  with "${printable(filter)}"`
}

const REVOKE_KEYS = 'y: revoke  t: also end it  n: no'

/** What can be typed stays in sight on a narrow terminal: the task's name is cut, and the beginning of a filter. */
function bottomLine({ mode, filter, message }: Interface, columns: number): string {
  switch (mode.kind) {
    case 'browse':
      return printable(message ?? HELP)
    case 'filter':
      return `filter: ${endWithin(printable(filter), columns - 'filter: _'.length)}_`
    case 'revoke': {
      const task = `${printable(mode.name)}[${printable(mode.uuid)}]`
      return `${startWithin(task, columns - '?  '.length - REVOKE_KEYS.length)}?  ${REVOKE_KEYS}`
    }
    default:
      return mode satisfies never
  }
}

function sortedWorkers({ workers }: Scene): readonly WorkerState[] {
  return [...workers].sort((a, b) => (a.hostname < b.hostname ? -1 : 1))
}

function workerColumns(now: number): readonly Column<WorkerState>[] {
  return [
    { title: 'WORKER', cell: ({ hostname }) => hostname, elastic: true },
    { title: 'STATUS', cell: (worker) => (isAlive(worker, now) ? 'online' : 'offline') },
    { title: 'ACTIVE', cell: ({ active }) => numeral(active), align: 'right' },
    { title: 'PROCESSED', cell: ({ processed }) => numeral(processed), align: 'right' },
    { title: 'LOAD', cell: ({ loadavg }) => loadavg?.map((load) => load.toFixed(2)).join(' ') ?? '-' },
    {
      title: 'SOFTWARE',
      cell: ({ swIdent: name, swVer: version }) => [name, version].filter(Boolean).join(' ') || '-',
    },
  ]
}

const QUEUES: readonly Column<QueueView>[] = [
  { title: 'QUEUE', cell: ({ name }) => name, elastic: true },
  { title: 'READY', cell: ({ ready }) => (ready === undefined ? 'missing' : String(ready)), align: 'right' },
  { title: 'CONSUMERS', cell: ({ consumers }) => numeral(consumers), align: 'right' },
]

function taskColumns(now: number): readonly Column<TaskState>[] {
  return [
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'TASK', cell: ({ name }) => name ?? '?', elastic: true },
    { title: 'ID', cell: ({ uuid }) => uuid, elastic: true },
    { title: 'WORKER', cell: ({ worker }) => worker ?? '-', elastic: true },
    { title: 'AGE', cell: ({ timestamp }) => span(now - timestamp), align: 'right' },
    { title: 'RAN', cell: (task) => span(runtimeOf(task, now)), align: 'right' },
    { title: 'ARGUMENTS', cell: ({ args = '', kwargs = '' }) => `${args} ${kwargs}`.trim(), elastic: true },
  ]
}

function runtimeOf({ runtime, state, started }: TaskState, now: number): number | undefined {
  return runtime ?? (state === 'STARTED' && started !== undefined ? now - started : undefined)
}

/** `850ms`, `12.3s`, `4m05s`, `3h20m`; clamped at zero, since the clocks of machines differ. */
function span(seconds: number | undefined): string {
  if (seconds === undefined) return '-'
  const whole = Math.floor(Math.max(0, seconds))
  if (seconds < 1) return `${Math.round(Math.max(0, seconds) * 1000)}ms`
  if (whole < 60) return `${seconds.toFixed(1)}s`
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`
}

function numeral(value: number | undefined): string {
  return value === undefined ? '-' : String(value)
}
