import type { ChordParts } from '../protocol/chord/chord.ts'
import { exceptionRepr } from '../protocol/python-repr.ts'
import { celeryError } from '../protocol/result/exceptions.ts'
import type { RemoteError, ResultRecord } from '../protocol/result-record.ts'
import type { Json } from '../runtime/json.ts'

/** The outcome of a complete chord for its body: the results of its header, or the error for which the body does not run. */
export type Joined =
  | { readonly kind: 'results'; readonly results: readonly Json[] }
  | { readonly kind: 'failed'; readonly error: RemoteError }

/**
 * Joins the parts of a chord as Celery does (wire specification 4.6): a plain list in the order of the header, or nested lists if
 * the header contains groups. The error names the first part that did not succeed, or why the parts can't be read. Pure.
 */
export function joinChord({ parts, shape, unreadable }: ChordParts): Joined {
  if (unreadable !== undefined) return broken(`Join error: ${unreadable}`)
  const failed = parts.find(({ state }) => state === 'FAILURE' || state === 'REVOKED')
  if (shape === null) {
    if (failed !== undefined) return broken(`Dependency ${failed.taskId} raised ${reprOf(failed)}`)
    return { kind: 'results', results: parts.map(resultIn) }
  }
  if (failed !== undefined) return broken(`Join error: ${reprOf(failed)}`)
  const byId = new Map(parts.map((part) => [part.taskId, part]))
  const missing: string[] = []
  const [, members] = shape
  const results = (Array.isArray(members) ? members : []).map((member: Json) => shaped(member, byId, missing))
  if (missing.length > 0) return broken(`Join error: KeyError('${missing[0]}')`)
  return { kind: 'results', results }
}

/** The error of a chord whose body can't be sent. */
export function callbackError(reason: RemoteError): RemoteError {
  return celeryError('ChordError', [`Callback error: ${exceptionRepr(reason)}`])
}

function broken(text: string): Joined {
  return { kind: 'failed', error: celeryError('ChordError', [text]) }
}

function reprOf(part: ResultRecord): string {
  const error = 'error' in part ? part.error : null
  return error === null ? 'None' : exceptionRepr(error)
}

function resultIn(part: ResultRecord): Json {
  if (!('error' in part)) return part.result
  return part.error === null
    ? null
    : { exc_type: part.error.type, exc_message: part.error.args, exc_module: part.error.module }
}

/** A result tuple filled with results: a task's own, and for a group a list of its members' results. */
function shaped(tuple: Json, parts: ReadonlyMap<string, ResultRecord>, missing: string[]): Json {
  const [own, members] = Array.isArray(tuple) ? tuple : []
  if (Array.isArray(members)) return members.map((member: Json) => shaped(member, parts, missing))
  const id = Array.isArray(own) && typeof own[0] === 'string' ? own[0] : ''
  const part = parts.get(id)
  if (part !== undefined) return resultIn(part)
  missing.push(id)
  return null
}
