import { TwqError } from '../errors.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { displayOf } from './python-repr.ts'
import { isName, isObject } from './task-fields.ts'

/** The kinds of signature: one task, or several put together. */
export type SignatureKind = 'task' | 'group' | 'chain' | 'chord' | 'xmap' | 'xstarmap' | 'chunks'

/** A call that has not been made (wire specification 5.1): Celery's `add.s(2)`, `group(…)`, `chain(…)` and the others. */
export interface Signature {
  readonly kind: SignatureKind
  readonly task: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  /** The options of `apply_async` under their Python names, with unchecked types. */
  readonly options: JsonObject
  /** True if it takes no further arguments: the result of the previous task is not passed to it. */
  readonly immutable: boolean
  /**
   * Where the failure of a group goes that is a later step of a chain and is never sent. It is stored beside the options, which a
   * group passes to all its members; Celery's workers read it there as well (`Context(chain_elem)` in `backends/base.py`).
   */
  readonly replyTo?: string | undefined
}

const COMPOSED: ReadonlySet<string> = new Set(['group', 'chain', 'chord', 'xmap', 'xstarmap', 'chunks'])
const NOTHING: JsonObject = Object.freeze(Object.create(null))

/**
 * Parses a signature from a message. Missing fields get Celery's defaults, and unknown keys are ignored. Throws
 * `TWQ_MESSAGE_MALFORMED` for one that can't be applied; `path` names it in the message.
 */
export function readSignature(value: Json | undefined, path: string): Signature {
  if (!isObject(value)) throw malformed(`${path} must be a signature, not ${display(value)}`)
  const { task, args, kwargs, options, subtask_type: kind } = value
  if (!isName(task)) throw malformed(`${path}.task must be a text of 1 to 255 bytes, not ${display(task)}`)
  return {
    kind: readKind(kind, path),
    task,
    args: readArray(args, `${path}.args`),
    kwargs: readObject(kwargs, `${path}.kwargs`),
    options: readObject(options, `${path}.options`),
    immutable: value.immutable === true,
    ...(typeof value.reply_to === 'string' && { replyTo: value.reply_to }),
  }
}

/** A signature in the form of a message, key for key as Celery writes it. */
export function writeSignature(signature: Signature): JsonObject {
  const { kind, task, args, kwargs, options, immutable, replyTo } = signature
  const written = { task, args, kwargs, options, subtask_type: kind === 'task' ? null : kind, immutable }
  return replyTo === undefined ? written : { ...written, reply_to: replyTo }
}

/** An array inside a signature; empty if it is missing. Throws `TWQ_MESSAGE_MALFORMED`. */
export function readArray(value: Json | undefined, path: string): readonly Json[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw malformed(`${path} must be an array, not ${display(value)}`)
  return value
}

function readObject(value: Json | undefined, path: string): JsonObject {
  if (value === undefined || value === null) return NOTHING
  if (!isObject(value)) throw malformed(`${path} must be an object, not ${display(value)}`)
  return value
}

function readKind(value: Json | undefined, path: string): SignatureKind {
  if (value === undefined || value === null) return 'task'
  if (typeof value === 'string' && COMPOSED.has(value)) return value as SignatureKind
  throw malformed(`${path}.subtask_type ${display(value)} is no kind of signature`)
}

function display(value: Json | undefined): string {
  return value === undefined ? 'undefined' : displayOf(value, 100)
}

function malformed(message: string): TwqError {
  return new TwqError('TWQ_MESSAGE_MALFORMED', message)
}
