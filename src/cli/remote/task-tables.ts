import { parseTimestamp } from '../../protocol/timestamps.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { type Column, type TableStyle, table } from '../terminal/output.ts'
import { compact, isObject, plain, type Replies, sorted } from './inspect-report.ts'

/** A task in a worker's hands, from its reply. */
interface Row {
  readonly node: string
  readonly task: JsonObject
  /** Of a scheduled task: when it is due, as the worker said it. */
  readonly eta: Json | undefined
}

/** The commands that list tasks, with their columns. */
interface Listing {
  /** The text for an empty table: `nothing runs`. */
  readonly none: string
  readonly columns: (now: number) => readonly Column<Row>[]
}

const NODE: Column<Row> = { title: 'NODE', cell: ({ node }) => node }
const ID: Column<Row> = { title: 'ID', cell: ({ task }) => plain(task.id) }
const TASK: Column<Row> = { title: 'TASK', cell: ({ task }) => plain(task.name) }
const ARGUMENTS: Column<Row> = { title: 'ARGUMENTS', cell: ({ task }) => argumentsOf(task), elastic: true }
// The key that it was published with: of a message to a queue, the queue's name.
const KEY: Column<Row> = { title: 'ROUTING KEY', cell: ({ task }) => deliveryOf(task, 'routing_key') }

const LISTINGS: ReadonlyMap<string, Listing> = new Map([
  [
    'active',
    {
      none: 'nothing runs',
      columns: (now) => [
        ...[NODE, ID, TASK, ARGUMENTS, KEY],
        { title: 'RUNNING', cell: ({ task }) => ageOf(task.time_start, now), align: 'right' },
      ],
    },
  ],
  [
    'reserved',
    {
      none: 'nothing waits',
      columns: () => [
        ...[NODE, ID, TASK, ARGUMENTS, KEY],
        { title: 'PRIORITY', cell: ({ task }) => deliveryOf(task, 'priority'), align: 'right' },
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
  return table(rowsOf(replies), LISTINGS.get(method)?.columns(now) ?? [], style)
}

/** How many tasks are listed in all. */
export function countTasks(replies: Replies): number {
  return rowsOf(replies).length
}

function rowsOf(replies: Replies): readonly Row[] {
  return sorted(replies).flatMap(([node, reply]) =>
    Array.isArray(reply)
      ? reply.filter(isObject).map((entry) => ({
          node,
          // A scheduled one is wrapped: {"eta": …, "priority": …, "request": {…}}.
          task: isObject(entry.request) ? entry.request : entry,
          eta: entry.eta,
        }))
      : [],
  )
}

function argumentsOf({ args, kwargs }: JsonObject): string {
  // A worker asked to be safe answers with Python's own texts in place of lists and objects.
  const named = isObject(kwargs) ? (Object.keys(kwargs).length === 0 ? '' : compact(kwargs)) : plain(kwargs)
  const listed = Array.isArray(args) ? compact(args) : plain(args)
  return named === '' || named === '{}' ? listed : `${listed} ${named}`
}

function deliveryOf({ delivery_info: delivery }: JsonObject, key: string): string {
  return isObject(delivery) ? plain(delivery[key]) : ''
}

function ageOf(start: Json | undefined, now: number): string {
  return typeof start === 'number' ? duration(now / 1_000 - start) : 'not started'
}

function etaText(eta: Json | undefined): string {
  const at = timeOf(eta)
  return at === undefined ? plain(eta) : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
}

function dueText(eta: Json | undefined, now: number): string {
  const at = timeOf(eta)
  if (at === undefined) return ''
  return at <= now ? 'now' : `in ${duration((at - now) / 1_000)}`
}

function timeOf(eta: Json | undefined): number | undefined {
  if (eta instanceof Date) return eta.getTime()
  return typeof eta === 'string' ? parseTimestamp(eta) : undefined
}

function duration(given: number): string {
  const seconds = Math.max(0, given)
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}
