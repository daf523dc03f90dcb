import { TwqError } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { type JsonLimits, parseJson, stringifyJson } from '../json.ts'
import type { RemoteError, ResultRecord, State } from '../result-record.ts'
import { isObject } from '../task-fields.ts'
import { formatTimestamp } from '../timestamps.ts'
import type { Headers } from '../wire.ts'

/** States whose `result` is an exception (wire specification 4.1). */
const EXCEPTION_STATES: ReadonlySet<string> = new Set(['RETRY', 'FAILURE', 'REVOKED'])

/**
 * A result as Celery's rpc backend writes it: JSON with exactly five keys (wire specification 4.3). Throws `TWQ_UNSERIALISABLE`,
 * naming the path below `result`. `tags: false` is for peers with kombu before 5.3.
 */
export function encodeResult(record: ResultRecord, options: { readonly tags?: boolean } = {}): Uint8Array {
  const tags = options.tags ?? true
  const value = 'error' in record ? encodeError(record.error) : record.result
  const result = Number.isSafeInteger(value) ? String(value) : stringifyJson(value, { path: 'result', tags })
  const traceback = record.traceback === null ? 'null' : JSON.stringify(record.traceback)
  const children = record.children.length === 0 ? '[]' : stringifyJson(record.children, { path: 'children', tags })
  return Buffer.from(
    `{"task_id":${JSON.stringify(record.taskId)},"status":${JSON.stringify(record.state)},"result":${result},"traceback":${traceback},"children":${children}}`,
  )
}

/** The fields of a stored result beside the record itself (wire specification 4.1). */
export interface MetaFacts {
  /** When the task ended, in milliseconds since the epoch; undefined if it has not. */
  readonly dateDone: number | undefined
  readonly groupId?: string | null | undefined
  readonly parentId?: string | null | undefined
  /** Celery's `result_extended`. */
  readonly extended?: ExtendedMeta | undefined
}

/** The additional fields of `result_extended`: the task as it was sent, and the node that ran it. */
export interface ExtendedMeta {
  readonly name: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  readonly worker: string
  readonly retries: number
  /** The routing key, as Celery has it. */
  readonly queue: string | null
  readonly stampedHeaders: readonly string[] | null
  readonly stamps: Headers
}

/**
 * A result as Celery's redis backend stores it: JSON with the keys of 4.1 in Celery's order. Throws `TWQ_UNSERIALISABLE`,
 * naming the path below `result`.
 */
export function encodeMeta(record: ResultRecord, facts: MetaFacts): string {
  const { dateDone, groupId, parentId, extended } = facts
  const members = new Map<string, unknown>([
    ['status', record.state],
    ['result', 'error' in record ? encodeError(record.error) : record.result],
    ['traceback', record.traceback],
    ['children', record.children],
    ['date_done', dateDone === undefined ? null : formatTimestamp(dateDone)],
  ])
  if (groupId) members.set('group_id', groupId)
  if (parentId) members.set('parent_id', parentId)
  if (extended !== undefined) addExtended(members, extended)
  members.set('task_id', record.taskId)
  const texts = [...members].map(([key, value]) => `${JSON.stringify(key)}:${stringifyJson(value, { path: key })}`)
  return `{${texts.join(',')}}`
}

function addExtended(members: Map<string, unknown>, extended: ExtendedMeta): void {
  const { stampedHeaders, stamps, ...plain } = extended
  for (const [key, value] of Object.entries(plain)) members.set(key, value)
  if (stampedHeaders === null || stampedHeaders.length === 0) return
  members.set('stamped_headers', stampedHeaders)
  for (const name of stampedHeaders) {
    // A stamp named `status` must not replace the task's status.
    if (stamps[name] !== undefined && !members.has(name) && name !== 'task_id') members.set(name, stamps[name])
  }
}

/**
 * Parses a result of any backend and version: unknown keys are ignored, and missing ones are null. Throws `TWQ_MESSAGE_MALFORMED`
 * if it is not a result.
 */
export function decodeResult(body: Uint8Array | string, limits: JsonLimits = {}): ResultRecord {
  const meta = parseJson(body, limits)
  if (!isObject(meta)) throw new TwqError('TWQ_MESSAGE_MALFORMED', 'a result must be a JSON object')
  const { task_id: taskId, status: state } = meta
  if (typeof taskId !== 'string') throw new TwqError('TWQ_MESSAGE_MALFORMED', 'the result has no task_id')
  if (typeof state !== 'string') throw new TwqError('TWQ_MESSAGE_MALFORMED', 'the result has no status')
  const traceback = typeof meta.traceback === 'string' ? meta.traceback : null
  const children = Array.isArray(meta.children) ? (meta.children as readonly Json[]) : []
  return { ...decodeEnding(taskId, state, meta.result ?? null, traceback), children }
}

/** A record from the fields of a result or a chord's part: the meaning of `result` depends on the state. */
export function decodeEnding(
  taskId: string,
  state: State,
  result: Json,
  traceback: string | null = null,
): ResultRecord {
  if (!EXCEPTION_STATES.has(state)) return { taskId, state, traceback, children: [], result }
  return { taskId, state: state as 'FAILURE', traceback, children: [], error: decodeError(result, traceback) }
}

/** An exception as JSON (wire specification 4.2); null if there is none. */
export function encodeError(error: RemoteError | null): Json {
  if (error === null) return null
  const exception = { exc_type: error.type, exc_message: error.args, exc_module: error.module }
  // Celery ignores unknown keys.
  return error.errbacksCalled === undefined ? exception : { ...exception, twq_errbacks_called: error.errbacksCalled }
}

/** The names are data: nothing is looked up by them. */
function decodeError(result: Json, traceback: string | null): RemoteError | null {
  if (result === null) return null
  if (!isObject(result) || typeof result.exc_type !== 'string') {
    return { type: 'Exception', module: 'builtins', args: [result], traceback }
  }
  const message = result.exc_message ?? []
  return {
    type: result.exc_type,
    module: typeof result.exc_module === 'string' ? result.exc_module : null,
    // Older peers send a single argument without an array.
    args: Array.isArray(message) ? (message as readonly Json[]) : [message],
    traceback,
    ...(isTexts(result.twq_errbacks_called) && { errbacksCalled: result.twq_errbacks_called }),
  }
}

function isTexts(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}
