import type { Signature } from '../protocol/signature.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { listOf } from './links.ts'

/** The partial arguments and options with which a signature is applied. */
export interface Call {
  readonly args: readonly Json[]
  readonly options: JsonObject
}

/**
 * Given options take precedence, except for the group that a signature already belongs to, and its stamps; null counts as
 * missing.
 */
export function merged({ options: own }: Signature, { options: given }: Call): JsonObject {
  const kept = ['group_id', 'stamped_headers', ...listOf<Json>(own.stamped_headers)].flatMap((name) => {
    const value = typeof name === 'string' && Object.hasOwn(own, name) ? own[name] : null
    return value === undefined || value === null ? [] : [[name, value] as const]
  })
  return { ...own, ...present(given), ...Object.fromEntries(kept as [string, Json][]) }
}

/** The options that are set: not null, not undefined. */
export function present(options: { readonly [name: string]: Json | undefined }): JsonObject {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined && value !== null)
  return Object.fromEntries(entries) as JsonObject
}

/** As in Celery, these are not passed to the tasks of a chord: they control polling for backends that can't join. */
export function withoutChordSettings(options: JsonObject): JsonObject {
  const { countdown: _, interval: __, max_retries: ___, eager: ____, ...others } = options
  return others
}

/** The arguments of a call: partial ones first, unless the signature is immutable. */
export function withPartial(signature: Signature, call: Call): readonly Json[] {
  return signature.immutable || call.args.length === 0 ? signature.args : [...call.args, ...signature.args]
}
