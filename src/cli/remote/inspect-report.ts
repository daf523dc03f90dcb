import type { Json, JsonObject } from '../../runtime/json.ts'
import { printable, printableLines } from '../../runtime/text/printable.ts'
import { type Column, type TableStyle, table, toJson } from '../terminal/output.ts'

/** What workers answered, by node name. */
export type Replies = ReadonlyMap<string, Json>

/** The replies as one document, with Celery's own keys: what `celery inspect --json` prints. */
export function repliesAsJson(replies: Replies): string {
  return `${toJson(Object.fromEntries(sorted(replies)))}\n`
}

/** `ping` for people: a line for each node. */
export function pingTable(replies: Replies, style: TableStyle): string {
  const columns: Column<[string, Json]>[] = [
    { title: 'NODE', cell: ([node]) => node },
    { title: 'ANSWER', cell: ([, reply]) => (isObject(reply) && reply.ok === 'pong' ? 'pong' : plain(reply)) },
  ]
  return table(sorted(replies), columns, style)
}

/** What a command came to, for people: a line for each node. */
export function answerTable(replies: Replies, style: TableStyle): string {
  const columns: Column<[string, Json]>[] = [
    { title: 'NODE', cell: ([node]) => node },
    { title: 'ANSWER', cell: ([, reply]) => (isObject(reply) ? plain(reply.ok ?? reply.error) : 'done') },
  ]
  return table(sorted(replies), columns, style)
}

/** `active` for people: a line for each running task. `now` is in milliseconds since the epoch. */
export function activeTable(replies: Replies, now: number, style: TableStyle): string {
  const rows = sorted(replies).flatMap(([node, reply]) =>
    Array.isArray(reply) ? reply.filter(isObject).map((task) => ({ node, task })) : [],
  )
  const columns: Column<{ node: string; task: JsonObject }>[] = [
    { title: 'NODE', cell: ({ node }) => node },
    { title: 'ID', cell: ({ task }) => plain(task.id) },
    { title: 'TASK', cell: ({ task }) => plain(task.name) },
    { title: 'ARGUMENTS', cell: ({ task }) => argumentsOf(task), elastic: true },
    { title: 'RUNNING', cell: ({ task }) => ageOf(task.time_start, now), align: 'right' },
  ]
  return table(rows, columns, style)
}

/** Any reply for people: each node's name, and below it what it said. */
export function detailsByNode(replies: Replies): string {
  return sorted(replies)
    .map(([node, reply]) => `${printable(node)}\n${indented(reply)}`)
    .join('')
}

function indented(reply: Json): string {
  const text = isObject(reply) && typeof reply.ok === 'string' ? reply.ok.trim() : undefined
  const lines = Array.isArray(reply) && reply.every((item) => typeof item === 'string') ? reply : undefined
  if (lines?.length === 0 || (Array.isArray(reply) && reply.length === 0)) return '  (none)\n'
  const shown = text ?? lines?.join('\n') ?? toJson(reply)
  return `${printableLines(shown).replace(/^/gm, '  ')}\n`
}

/** How many tasks run in all, for the note that stands in for an empty table. */
export function countTasks(replies: Replies): number {
  return [...replies.values()].reduce<number>((sum, reply) => sum + (Array.isArray(reply) ? reply.length : 0), 0)
}

/** The nodes that answered with an error, and what it says. */
export function failedNodes(replies: Replies): readonly (readonly [node: string, error: string])[] {
  return sorted(replies).flatMap(([node, reply]) =>
    isObject(reply) && reply.error !== undefined ? [[node, plain(reply.error)] as const] : [],
  )
}

function sorted(replies: Replies): [string, Json][] {
  return [...replies].sort(([a], [b]) => (a < b ? -1 : 1))
}

function argumentsOf({ args, kwargs }: JsonObject): string {
  // A worker asked to be safe answers with Python's own texts in place of lists and objects.
  const named = isObject(kwargs) ? (Object.keys(kwargs).length === 0 ? '' : compact(kwargs)) : plain(kwargs)
  const listed = Array.isArray(args) ? compact(args) : plain(args)
  return named === '' || named === '{}' ? listed : `${listed} ${named}`
}

function ageOf(start: Json | undefined, now: number): string {
  if (typeof start !== 'number') return 'not started'
  const seconds = Math.max(0, now / 1_000 - start)
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}

function plain(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : compact(value)
}

function compact(value: Json): string {
  return toJson(value, { compact: true })
}

function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  )
}
