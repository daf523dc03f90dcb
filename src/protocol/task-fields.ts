import type { Json, JsonObject } from '../runtime/json.ts'
import { EMPTY_EMBED } from './body.ts'
import { hasOnlyProtocolHeaders, isProtocolHeader } from './known-headers.ts'
import { displayOf } from './python-repr.ts'
import { Refusal } from './refusal.ts'
import { rerunOf } from './rerun.ts'
import type { Embed, TaskMessage } from './task-message.ts'
import { parseTimestamp } from './timestamps.ts'
import type { Headers, HeaderValue, Properties } from './wire.ts'

/** Fields by their names on the wire, from a header table or a JSON object, with unchecked types. */
export type Fields = { readonly [name: string]: HeaderValue | Json | undefined }

/** The parts of a task message in any protocol version, not yet checked. */
export interface TaskParts {
  readonly fields: Fields
  readonly args: Json
  readonly kwargs: Json
  readonly embed: Json
  readonly protocol: 1 | 2
  /** The time zone of times without an offset. */
  readonly naiveTime: 'utc' | 'local'
}

/**
 * The task message made of the parts. Fields that decide whether, when and with which arguments a task runs must be valid, else a
 * `Refusal` says what is wrong; fields that are only displayed or passed on are dropped if their type is wrong.
 */
export function readTask(parts: TaskParts, headers: Headers, properties: Properties): TaskMessage {
  const { fields, naiveTime } = parts
  const id = readName('id', fields.id)
  const task = readName('task', fields.task)
  if (!isArray(parts.args)) throw invalid(`args must be an array, not ${display(parts.args)}`)
  if (!isObject(parts.kwargs)) throw invalid(`kwargs must be an object, not ${display(parts.kwargs)}`)
  return {
    id,
    task,
    args: parts.args,
    kwargs: parts.kwargs,
    embed: readEmbed(parts.embed),
    retries: readRetries(fields.retries),
    eta: readTime('eta', fields.eta, naiveTime),
    expires: readTime('expires', fields.expires, naiveTime),
    timeLimit: readTimeLimit(fields.timelimit),
    rootId: textOrNull(fields.root_id) ?? id,
    parentId: textOrNull(fields.parent_id),
    group: textOrNull(fields.group),
    groupIndex: Number.isSafeInteger(fields.group_index) ? (fields.group_index as number) : null,
    shadow: textOrNull(fields.shadow),
    origin: textOrNull(fields.origin),
    argsRepr: textOrNull(fields.argsrepr) ?? '',
    kwargsRepr: textOrNull(fields.kwargsrepr) ?? '',
    ignoreResult: typeof fields.ignore_result === 'boolean' ? fields.ignore_result : null,
    replacedTaskNesting: readNesting(fields.replaced_task_nesting),
    rerun: hasOnlyProtocolHeaders(headers) ? 0 : rerunOf(headers),
    replyTo: usableReplyTo(properties.replyTo) ?? '',
    correlationId: properties.correlationId || id,
    priority: properties.priority,
    stampedHeaders: readStampedHeaders(fields.stamped_headers),
    stamps: isObject(fields.stamps) ? (fields.stamps as Headers) : NO_HEADERS,
    headers: customHeaders(headers),
    properties,
    protocol: parts.protocol,
  }
}

/**
 * The links of a task whose message can't be used: its ids, group and chord, and the rest of its chain. Undefined if not even an
 * id can be read.
 */
export function readPlace(
  { fields, embed = null }: { readonly fields: Fields; readonly embed?: Json },
  properties: Properties,
): TaskMessage | undefined {
  if (!isName(fields.id)) return undefined
  const { id, task, group, group_index, root_id, parent_id, ignore_result } = fields
  const chain = isObject(embed) && isArray(embed.chain) ? embed.chain : null
  const chord = (isObject(embed) && embed.chord) || null
  const name = isName(task) ? task : 'unknown'
  const place = { id, task: name, group, group_index, root_id, parent_id, ignore_result }
  const parts = { fields: place, args: [], kwargs: {}, embed: { chain, chord }, protocol: 2, naiveTime: 'utc' } as const
  return readTask(parts, NO_HEADERS, properties)
}

/** A task id or task name: what fits an AMQP property, since ids become correlation ids. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && (value.length <= 80 || Buffer.byteLength(value) <= 255)
}

let lastUsable: string | undefined

/** The queue for results, if it is valid: replies are published to the default exchange with it as routing key. */
export function usableReplyTo(replyTo: string | undefined): string | undefined {
  // Mostly the same queue, and then the same string.
  if (replyTo === lastUsable) return replyTo
  if (replyTo === undefined || !/^[\x21-\x7e]{1,255}$/.test(replyTo)) return undefined
  lastUsable = replyTo
  return replyTo
}

/** True for JSON objects and header tables; not for arrays, dates and bytes. */
export function isObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  )
}

const NO_HEADERS: Headers = Object.freeze(Object.create(null))
const NO_EMBED: Embed = Object.freeze({ callbacks: null, errbacks: null, chain: null, chord: null })
const NO_TIME_LIMIT: TaskMessage['timeLimit'] = Object.freeze({ hard: undefined, soft: undefined })

function readName(field: string, value: unknown): string {
  if (isName(value)) return value
  if (value === undefined) throw invalid(`the message has no ${field}`)
  throw invalid(`${field} must be a text of 1 to 255 bytes, not ${display(value)}`)
}

function readEmbed(embed: Json): Embed {
  if (embed === null || embed === EMPTY_EMBED) return NO_EMBED
  if (!isObject(embed)) throw invalid(`the third element of the body must be an object, not ${display(embed)}`)
  return {
    callbacks: readSignatures('callbacks', embed.callbacks),
    errbacks: readSignatures('errbacks', embed.errbacks),
    chain: readSignatures('chain', embed.chain),
    chord: embed.chord ?? null,
  }
}

function readSignatures(field: string, value: Json | undefined): readonly Json[] | null {
  if (value === undefined || value === null) return null
  if (!isArray(value)) throw invalid(`${field} must be an array of signatures, not ${display(value)}`)
  return value
}

function readNesting(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? Math.min(value as number, 2 ** 31 - 2) : 0
}

function readRetries(value: unknown): number {
  if (value === undefined || value === null) return 0
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw invalid(`retries must be a count, not ${display(value)}`)
  return value as number
}

function readTime(field: string, value: unknown, naive: 'utc' | 'local'): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const ms =
    typeof value === 'string' ? parseTimestamp(value, naive) : value instanceof Date ? value.getTime() : undefined
  if (ms === undefined) throw invalid(`invalid ${field} value ${display(value)}: it is no ISO 8601 time`)
  return ms
}

/** Celery writes `[hard, soft]`, in seconds. */
function readTimeLimit(value: unknown): TaskMessage['timeLimit'] {
  if (value === undefined || value === null) return NO_TIME_LIMIT
  if (!Array.isArray(value) || value.length !== 2) {
    throw invalid(`timelimit must be an array of two, [hard, soft], not ${display(value)}`)
  }
  if (value[0] === null && value[1] === null) return NO_TIME_LIMIT
  return { hard: readLimit('hard', value[0]), soft: readLimit('soft', value[1]) }
}

/** A limit of 0 is none, as in Python. */
function readLimit(which: string, seconds: unknown): number | undefined {
  if (seconds === null || seconds === undefined || seconds === 0) return undefined
  if (typeof seconds !== 'number' || !(seconds > 0) || !Number.isFinite(seconds * 1000)) {
    throw invalid(`the ${which} time limit must be a number of seconds, not ${display(seconds)}`)
  }
  return seconds * 1000
}

function readStampedHeaders(value: unknown): readonly string[] | null {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : null
}

// Notes of workers for other workers: a task that passes its headers on must not pass these on.
const OURS = 'x-twq-'

function customHeaders(headers: Headers): Headers {
  if (hasOnlyProtocolHeaders(headers)) return NO_HEADERS
  let custom: Record<string, HeaderValue> | undefined
  for (const name of Object.keys(headers)) {
    if (isProtocolHeader(name) || name.startsWith(OURS)) continue
    custom ??= Object.create(null) as Record<string, HeaderValue>
    custom[name] = headers[name] as HeaderValue
  }
  return custom ?? NO_HEADERS
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function isArray(value: unknown): value is readonly Json[] {
  return Array.isArray(value)
}

function display(value: unknown): string {
  return displayOf(value as Json, 100)
}

function invalid(reason: string): Refusal {
  return new Refusal('InvalidTaskError', reason)
}
