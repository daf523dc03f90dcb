import type { Json, JsonObject } from '../../runtime/json.ts'
import { printable, printableLines } from '../../runtime/text/printable.ts'
import { type Column, type TableStyle, table, toJson } from '../terminal/output.ts'

/** The answers of workers, by node name. */
export type Replies = ReadonlyMap<string, Json>

/** The replies as one document, with Celery's own keys: what `celery inspect --json` prints. */
export function repliesAsJson(replies: Replies): string {
  return `${toJson(repliesByNode(replies))}\n`
}

/** The same as an object, in the order of the nodes. */
export function repliesByNode(replies: Replies): Readonly<Record<string, Json>> {
  return Object.fromEntries(sorted(replies))
}

/** `ping` for people: a line for each node. */
export function pingTable(replies: Replies, style: TableStyle): string {
  const columns: Column<[string, Json]>[] = [
    { title: 'NODE', cell: ([node]) => node },
    { title: 'ANSWER', cell: ([, reply]) => (isObject(reply) && reply.ok === 'pong' ? 'pong' : plain(reply)) },
  ]
  return table(sorted(replies), columns, style)
}

/** The replies to a command as text: a line for each node. */
export function answerTable(replies: Replies, style: TableStyle): string {
  const columns: Column<[string, Json]>[] = [
    { title: 'NODE', cell: ([node]) => node },
    { title: 'ANSWER', cell: ([, reply]) => (isObject(reply) ? plain(reply.ok ?? reply.error) : 'done') },
  ]
  return table(sorted(replies), columns, style)
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

/** The nodes that answered with an error, and what it says. */
export function failedNodes(replies: Replies): readonly (readonly [node: string, error: string])[] {
  return sorted(replies).flatMap(([node, reply]) =>
    isObject(reply) && reply.error !== undefined ? [[node, plain(reply.error)] as const] : [],
  )
}

/** The replies in the order of the nodes' names. */
export function sorted(replies: Replies): [string, Json][] {
  return [...replies].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** A value as a cell of a table. */
export function plain(value: Json | undefined): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : compact(value)
}

/** JSON on one line. */
export function compact(value: Json): string {
  return toJson(value, { compact: true })
}

/** Whether a value of a reply is an object: no list, no date, no bytes. */
export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  )
}
