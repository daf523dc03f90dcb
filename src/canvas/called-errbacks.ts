import { createHash } from 'node:crypto'
import { stringifyJson } from '../protocol/json.ts'
import type { ResultRecord } from '../protocol/result-record.ts'
import { isObject } from '../protocol/task-fields.ts'
import type { Json } from '../runtime/json.ts'
import type { Failed } from './follow-ups.ts'

// Celery's client also adds the errback of a chord to the bodies of the chords in its header (`_chord.link_error`), since its
// workers fail no chord because an inner one failed. Ours do: an errback already called by the inner chord is not called again by
// the outer one. The part that represents the inner chord carries which those are.

/** Identifies errbacks by what they call, in the order given. */
export function errbackDigests(failed: readonly Failed[]): readonly string[] {
  return failed.flatMap(({ errbacks }) => errbacks.map(digestOf))
}

/** The errbacks that the chords behind all failed parts of a header have already called: none if a part failed by itself. */
export function calledByParts(parts: readonly ResultRecord[]): ReadonlySet<string> {
  const [first, ...others] = parts
    .filter(({ state }) => state === 'FAILURE' || state === 'REVOKED')
    .map((part) => new Set(('error' in part && part.error?.errbacksCalled) || []))
  if (first === undefined) return new Set()
  return new Set([...first].filter((digest) => others.every((called) => called.has(digest))))
}

/** `failed` with the errbacks that are still to be called. */
export function withUncalled(failed: Failed, called: ReadonlySet<string>): Failed {
  if (called.size === 0) return failed
  return { ...failed, errbacks: failed.errbacks.filter((errback) => !called.has(digestOf(errback))) }
}

function digestOf(errback: Json): string {
  return createHash('sha256')
    .update(stringifyJson(sorted(errback), { path: 'errback' }))
    .digest('base64url')
    .slice(0, 22)
}

/** Clients of different languages write the keys of a signature in different orders. */
function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value
  const keys = Object.keys(value).sort()
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] as Json)]))
}
