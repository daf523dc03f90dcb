import { TwqError } from '../errors.ts'
import { type Compression, isCompression } from '../protocol/compression.ts'
import { isProtocolHeader } from '../protocol/known-headers.ts'
import { displayOf } from '../protocol/python-repr.ts'
import type { Destination } from '../protocol/queue/routes.ts'
import type { NewTask } from '../protocol/task/encode-task.ts'
import { isObject, usableReplyTo } from '../protocol/task-fields.ts'
import { parseTimestamp } from '../protocol/timestamps.ts'
import type { Json, JsonObject } from '../runtime/json.ts'

/** The options of one task as fields of its message. */
export type TaskOptions = Omit<NewTask, 'id' | 'task' | 'args' | 'kwargs' | 'origin' | 'priority'>

/**
 * Parses the options with which a signature is applied, those of Python's `apply_async` (wire specification 2.4, 5.1); unknown
 * ones are ignored. `now` is in milliseconds since the epoch. Throws `TWQ_MESSAGE_MALFORMED` for an invalid value that decides
 * whether, when or where the task runs.
 */
export function readOptions(options: JsonObject, now: number): TaskOptions {
  const stampedHeaders = stampNames(options)
  return {
    embed: {
      callbacks: listOf(options.link),
      errbacks: listOf(options.link_error),
      chain: Array.isArray(options.chain) ? options.chain : null,
      chord: options.chord ?? null,
    },
    eta: startOf(options, now),
    expires: momentOf('expires', options.expires, now),
    timeLimit: { hard: limitOf('time_limit', options), soft: limitOf('soft_time_limit', options) },
    rootId: textOf('root_id', options),
    parentId: textOf('parent_id', options),
    group: textOf('group_id', options),
    groupIndex: Number.isSafeInteger(options.group_index) ? (options.group_index as number) : null,
    shadow: textOf('shadow', options),
    retries: isCount(options.retries) ? options.retries : undefined,
    ignoreResult: options.ignore_result === true,
    replacedTaskNesting: nestingOf(options),
    replyTo: typeof options.reply_to === 'string' ? usableReplyTo(options.reply_to) : undefined,
    stampedHeaders,
    stamps: stampsOf(options, stampedHeaders),
    compression: compressionOf(options),
    argsRepr: shownAs(options.argsrepr),
    kwargsRepr: shownAs(options.kwargsrepr),
    headers: headersOf(options),
  }
}

/** The destination in the options. */
export function destinationOf(options: JsonObject): Destination {
  const queue = textOf('queue', options)
  const exchange = textOf('exchange', options)
  const routingKey = textOf('routing_key', options)
  const priority = priorityOf(options)
  return {
    ...(queue !== undefined && { queue }),
    ...(exchange !== undefined && { exchange }),
    ...(routingKey !== undefined && { routingKey }),
    ...(priority !== undefined && { priority }),
  }
}

/** An option that must be a text for AMQP; undefined if it is missing or empty, as in Python. */
export function textOf(name: string, options: JsonObject): string | undefined {
  const value = options[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string' && Buffer.byteLength(value) <= 255) return value
  throw malformed(name, 'a text of at most 255 bytes', value)
}

/** Formats that only Python has are ignored: the task is sent uncompressed. */
function compressionOf({ compression }: JsonObject): Compression | undefined {
  return isCompression(compression) ? compression : undefined
}

function shownAs(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Python accepts one signature as well as a list. */
function listOf(value: Json | undefined): readonly Json[] | null {
  if (value === undefined || value === null) return null
  return Array.isArray(value) ? value : [value]
}

function startOf(options: JsonObject, now: number): number | undefined {
  const { countdown } = options
  // As in Celery, where 0 means none.
  if (countdown === undefined || countdown === null || countdown === 0) {
    return typeof options.eta === 'number'
      ? unusable('eta', 'an ISO 8601 time', options.eta)
      : momentOf('eta', options.eta, now)
  }
  if (typeof countdown !== 'number' || !Number.isFinite(countdown)) {
    throw malformed('countdown', 'a number of seconds', countdown)
  }
  return now + countdown * 1000
}

/** A time, or seconds from now. */
function momentOf(name: string, value: Json | undefined, now: number): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return now + value * 1000
  const moment =
    value instanceof Date ? value.getTime() : typeof value === 'string' ? parseTimestamp(value, 'utc') : undefined
  return moment ?? unusable(name, 'an ISO 8601 time', value)
}

/** Milliseconds; as in Python, a limit of 0 means none. */
function limitOf(name: string, options: JsonObject): number | undefined {
  const value = options[name]
  if (value === undefined || value === null || value === 0) return undefined
  if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value * 1000)) {
    throw malformed(name, 'a number of seconds', value)
  }
  return value * 1000
}

function priorityOf(options: JsonObject): number | undefined {
  const { priority } = options
  if (priority === undefined || priority === null) return undefined
  if (typeof priority === 'number' && Number.isInteger(priority) && priority >= 0 && priority <= 255) return priority
  throw malformed('priority', 'a whole number from 0 to 255', priority)
}

function isCount(value: Json | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function nestingOf({ replaced_task_nesting: nesting }: JsonObject): number {
  return typeof nesting === 'number' && Number.isSafeInteger(nesting) && nesting > 0 ? nesting : 0
}

function stampNames(options: JsonObject): readonly string[] | null {
  const names = options.stamped_headers
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : null
}

/** Stamps are options under their own names, which `stamped_headers` lists (wire specification 5.8). */
function stampsOf(options: JsonObject, names: readonly string[] | null): JsonObject {
  const stamps: Record<string, Json> = Object.create(null)
  for (const name of names ?? []) {
    if (Object.hasOwn(options, name)) stamps[name] = options[name] as Json
  }
  return stamps
}

/** The caller's own headers; the protocol's are derived from the other options. */
function headersOf({ headers }: JsonObject): JsonObject | undefined {
  if (!isObject(headers)) return undefined
  const own: Record<string, Json> = Object.create(null)
  for (const [name, value] of Object.entries(headers)) if (!isProtocolHeader(name)) own[name] = value
  return own
}

function unusable(name: string, expected: string, value: Json): never {
  throw malformed(name, expected, value)
}

function malformed(name: string, expected: string, value: Json): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', `option ${name} must be ${expected}, not ${displayOf(value, 100)}`)
}
