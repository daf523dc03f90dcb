import { TwqError } from '../errors.ts'
import type { Json } from '../runtime/json.ts'
import { type JsonLimits, parseJson, stringifyJson } from './json.ts'
import type { RemoteError, ResultRecord, State } from './result-record.ts'
import { isObject } from './task-fields.ts'

/** States whose `result` is an exception (wire specification 4.1). */
const EXCEPTION_STATES: ReadonlySet<string> = new Set(['RETRY', 'FAILURE', 'REVOKED'])

/**
 * A result as Celery's rpc backend writes it: JSON with exactly five keys (wire specification 4.3). Throws
 * `TWQ_UNSERIALISABLE`, naming the path below `result`. `tags: false` is for peers whose kombu is older than 5.3.
 */
export function encodeResult(record: ResultRecord, options: { readonly tags?: boolean } = {}): Uint8Array {
  const tags = options.tags ?? true
  const result = 'error' in record ? encodeError(record.error) : record.result
  const head = `{"task_id":${JSON.stringify(record.taskId)},"status":${JSON.stringify(record.state)},"result":`
  const tail = `,"traceback":${JSON.stringify(record.traceback)},"children":`
  return Buffer.from(
    `${head}${stringifyJson(result, { path: 'result', tags })}${tail}${stringifyJson(record.children, { path: 'children', tags })}}`,
  )
}

/**
 * Reads a result of any backend and version: further keys are passed over, and what is missing is null. Throws
 * `TWQ_MESSAGE_MALFORMED` when it is no result at all.
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

/** A record from its parts, as results and the parts of chords carry them: what `result` means depends on the state. */
export function decodeEnding(
  taskId: string,
  state: State,
  result: Json,
  traceback: string | null = null,
): ResultRecord {
  if (!EXCEPTION_STATES.has(state)) return { taskId, state, traceback, children: [], result }
  return { taskId, state: state as 'FAILURE', traceback, children: [], error: decodeError(result, traceback) }
}

/** An exception as JSON (wire specification 4.2); null where none is known. */
export function encodeError(error: RemoteError | null): Json {
  if (error === null) return null
  return { exc_type: error.type, exc_message: error.args, exc_module: error.module }
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
    // Older peers send the one argument by itself.
    args: Array.isArray(message) ? (message as readonly Json[]) : [message],
    traceback,
  }
}
