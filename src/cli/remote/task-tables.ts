import { type InspectedTask, scheduledIn, tasksIn } from '../../protocol/remote/inspect-answers.ts'
import { type Column, type TableStyle, table } from '../terminal/output.ts'
import { compact, isObject, plain, type Replies, sorted } from './inspect-report.ts'

/** A task in a worker's hands, from its reply. */
interface Row {
  readonly node: string
  readonly task: InspectedTask
  /** Of a scheduled task: when it is due. */
  readonly eta: Date | undefined
}

/** The commands that list tasks, with their columns. */
interface Listing {
  /** The text for an empty table: `nothing runs`. */
  readonly none: string
  readonly columns: (now: number) => readonly Column<Row>[]
}

const NODE: Column<Row> = { title: 'NODE', cell: ({ node }) => node }
const ID: Column<Row> = { title: 'ID', cell: ({ task }) => task.id }
const TASK: Column<Row> = { title: 'TASK', cell: ({ task }) => task.name }
const ARGUMENTS: Column<Row> = { title: 'ARGUMENTS', cell: ({ task }) => argumentsOf(task), elastic: true }
// The key that it was published with: of a message to a queue, the queue's name.
const KEY: Column<Row> = { title: 'ROUTING KEY', cell: ({ task }) => task.routingKey ?? '' }

const LISTINGS: ReadonlyMap<string, Listing> = new Map([
  [
    'active',
    {
      none: 'nothing runs',
      columns: (now) => [
        ...[NODE, ID, TASK, ARGUMENTS, KEY],
        { title: 'RUNNING', cell: ({ task }) => ageOf(task.startedAt, now), align: 'right' },
      ],
    },
  ],
  [
    'reserved',
    {
      none: 'nothing waits',
      columns: () => [
        ...[NODE, ID, TASK, ARGUMENTS, KEY],
        { title: 'PRIORITY', cell: ({ task }) => plain(task.priority), align: 'right' },
      ],
    },
  ],
  [
    'scheduled',
    {
      none: 'nothing is scheduled',
      columns: (now) => [
        ...[NODE, ID, TASK, ARGUMENTS, KEY],
        { title: 'ETA', cell: ({ eta }) => etaText(eta) },
        { title: 'DUE', cell: ({ eta }) => dueText(eta, now), align: 'right' },
      ],
    },
  ],
])

/** The text for an empty list of this command; undefined where its reply is no list of tasks. */
export function emptyText(method: string): string | undefined {
  return LISTINGS.get(method)?.none
}

/** `active`, `reserved` and `scheduled` for people: a line for each task. `now` is in milliseconds since the epoch. */
export function taskTable(method: string, replies: Replies, now: number, style: TableStyle): string {
  return table(rowsOf(method, replies), LISTINGS.get(method)?.columns(now) ?? [], style)
}

/** How many tasks are listed in all. */
export function countTasks(method: string, replies: Replies): number {
  return rowsOf(method, replies).length
}

function rowsOf(method: string, replies: Replies): readonly Row[] {
  return sorted(replies).flatMap(([node, reply]): Row[] =>
    method === 'scheduled'
      ? scheduledIn(reply).map((task) => ({ node, task, eta: task.eta }))
      : tasksIn(reply).map((task) => ({ node, task, eta: undefined })),
  )
}

function argumentsOf({ args, kwargs }: InspectedTask): string {
  // A worker asked to be safe answers with Python's own texts in place of lists and objects.
  const named = isObject(kwargs) ? (Object.keys(kwargs).length === 0 ? '' : compact(kwargs)) : plain(kwargs)
  const listed = Array.isArray(args) ? compact(args) : plain(args)
  return named === '' || named === '{}' ? listed : `${listed} ${named}`
}

function ageOf(start: Date | undefined, now: number): string {
  return start === undefined ? 'not started' : duration((now - start.getTime()) / 1_000)
}

function etaText(eta: Date | undefined): string {
  return eta === undefined ? '' : eta.toISOString().replace(/\.\d+Z$/, 'Z')
}

function dueText(eta: Date | undefined, now: number): string {
  if (eta === undefined) return ''
  return eta.getTime() <= now ? 'now' : `in ${duration((eta.getTime() - now) / 1_000)}`
}

function duration(given: number): string {
  const seconds = Math.max(0, given)
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}
