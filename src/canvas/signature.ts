import { TwqError } from '../errors.ts'
import { readArray, readSignature, type Signature as SignatureFields, writeSignature } from '../protocol/signature.ts'
import type { Stamps } from '../protocol/stamps.ts'
import { isObject } from '../protocol/task-fields.ts'
import { formatTimestamp } from '../protocol/timestamps.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { displayOf } from '../tasks/argument-display.ts'
import { callArguments, type Declaration, partialProblem } from '../tasks/arguments.ts'
import { CANVAS_BRAND, isCanvas, isTask } from '../tasks/brand.ts'
import { checkSignatureOptions } from '../tasks/send-options.ts'
import type {
  AnyArguments,
  Canvas,
  InputOf,
  NameOf,
  ResultOf,
  Sendable,
  SendOptions,
  TaskHandle,
} from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { linked, listOf } from './links.ts'
import { stamped } from './stamped.ts'

/** How a task of a workflow is sent when its turn comes: the options of `send`, and those of signatures. */
export interface SignatureOptions extends Omit<SendOptions, 'signal'> {
  /** True: it is called with exactly its arguments, without the previous task's result. */
  readonly immutable?: boolean
}

/** A value of the canvas: immutable, `set` returns another one. It has Celery's keys of a signature, and no others. */
export interface Composed<Handle = unknown> extends Canvas<Handle> {
  readonly task: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  /** Under their Python names; durations are in seconds. */
  readonly options: JsonObject
  readonly subtask_type: string | null
  readonly immutable: boolean
  /** A copy with other options; `link` and `linkError` are added to the existing ones. */
  set(options: SignatureOptions): this
  /**
   * A copy with the stamps on each of its tasks, their callbacks and errbacks, and on header and body of a chord; an existing
   * stamp is replaced. Throws `TWQ_ARGUMENTS` for an invalid stamp.
   */
  stamp(stamps: Stamps): this
}

/** A task with some of its arguments, not sent yet: Celery's `add.s(2)`. */
export interface Signature<Result = unknown> extends Composed<TaskHandle<Result>> {
  readonly subtask_type: null
}

/** The parameters after the target of `signature`. */
export type SignatureArguments<T> = T extends Sendable
  ? [args?: Partial<InputOf<T>> | readonly Json[], options?: SignatureOptions]
  : T extends string
    ? [args?: AnyArguments, options?: SignatureOptions]
    : []

/** The type of `signature`'s result for `T`. */
export type SignatureOf<T> = T extends Sendable ? Signature<ResultOf<T>> : T extends string ? Signature : Composed

/**
 * A task, by itself or by name, with arguments: an array for positional ones, which follow the previous task's result; an object
 * for named ones. In Python `add.s(1, 2)`, and with `{ immutable: true }` `add.si(1, 2)`. JSON written by Python or by `toJSON`
 * becomes a signature again. With a task's type given, `signature<typeof report>('report')`, a task is named without loading its
 * code. Throws `TWQ_ARGUMENTS` for invalid arguments, `TWQ_MESSAGE_MALFORMED` for JSON that is not a signature.
 */
// One signature: for overloads, TypeScript would report the errors of each, and not at the argument.
export function signature<T extends Sendable | string | JsonObject>(
  target: T | NameOf<T>,
  ...rest: SignatureArguments<T>
): SignatureOf<T>
export function signature(
  target: AnyTask | string | JsonObject,
  args?: AnyArguments,
  options: SignatureOptions = {},
): Composed {
  if (typeof target === 'string') return taskSignature(target, args, {}).set(options)
  if (isTask(target)) return taskSignature(target.name, args, settingsOf(target, args), target).set(options)
  if (isObject(target)) return compose(readDeep(target, 'signature', 0))
  throw new TwqError(
    'TWQ_ARGUMENTS',
    `signature takes a task, its name, or a signature as JSON, got ${nameOf(target)}`,
    {
      hint: "Write signature(add, { x: 1 }) with a task that defineTask made, or signature('add', [1])",
    },
  )
}

/** Creates a value of the canvas. */
export function compose<C extends Composed>(fields: SignatureFields): C {
  return new ComposedValue(fields) as unknown as C
}

/** The fields of a value of the canvas made by any copy of twq. Throws `TWQ_ARGUMENTS` for anything else. */
export function fieldsOf(canvas: unknown, what: string): SignatureFields {
  if (isCanvas(canvas)) return readSignature(canvas.toJSON(), what)
  throw new TwqError(
    'TWQ_ARGUMENTS',
    `${what} must be a signature, a chain, a group or a chord, got ${nameOf(canvas)}`,
    {
      hint: isTask(canvas) ? `Write signature(${canvas.name}, …)` : 'Write signature(add, { x: 1 })',
    },
  )
}

class ComposedValue {
  readonly task: string
  readonly args: readonly Json[]
  readonly kwargs: JsonObject
  readonly options: JsonObject
  readonly subtask_type: string | null
  readonly immutable: boolean
  declare readonly '~handle': undefined

  constructor(fields: SignatureFields) {
    this.task = fields.task
    this.args = Object.freeze([...fields.args])
    this.kwargs = Object.freeze({ ...fields.kwargs })
    this.options = Object.freeze({ ...fields.options })
    this.subtask_type = fields.kind === 'task' ? null : fields.kind
    this.immutable = fields.immutable
    Object.freeze(this)
  }

  get [CANVAS_BRAND](): boolean {
    return true
  }

  set(options: SignatureOptions): ComposedValue {
    if (Object.keys(options).length === 0) return this
    checkSignatureOptions(options, { immutable: ['true or false', (value) => typeof value === 'boolean'] })
    const { immutable } = options
    let fields = readSignature(this.toJSON(), 'signature')
    fields = { ...fields, options: { ...fields.options, ...celeryOptions(options) } }
    if (immutable !== undefined) fields = withImmutable(fields, immutable)
    fields = withLinks(fields, options)
    return new ComposedValue(options.stamps === undefined ? fields : stamped(fields, options.stamps))
  }

  stamp(stamps: Stamps): ComposedValue {
    return this.set({ stamps })
  }

  toJSON(): JsonObject {
    const { task, args, kwargs, options, subtask_type, immutable } = this
    return { task, args, kwargs, options, subtask_type, immutable }
  }
}

/**
 * Options of `send` in the form of `apply_async` (wire specification 2.4). Countdowns and durations stay relative: they count
 * from the time of sending.
 */
export function celeryOptions(options: SendOptions): JsonObject {
  const { eta, countdown, expires, timeLimit, softTimeLimit } = options
  const named: Record<string, Json | undefined> = {
    task_id: options.taskId,
    queue: options.queue,
    eta: eta === undefined ? undefined : formatTimestamp(eta.getTime()),
    countdown: countdown === undefined ? undefined : seconds(countdown),
    expires: expires instanceof Date ? formatTimestamp(expires.getTime()) : expires && seconds(expires),
    exchange: options.exchange,
    routing_key: options.routingKey,
    priority: options.priority,
    retries: options.retries,
    time_limit: timeLimit === undefined ? undefined : seconds(timeLimit),
    soft_time_limit: softTimeLimit === undefined ? undefined : seconds(softTimeLimit),
    headers: options.headers,
    ignore_result: options.ignoreResult,
    compression: options.compression,
    argsrepr: options.argsRepr,
    kwargsrepr: options.kwargsRepr,
    shadow: options.shadow,
  }
  return Object.fromEntries(Object.entries(named).filter(([, value]) => value !== undefined)) as JsonObject
}

/** Adds the callbacks and errbacks of `options` to those of a signature. */
export function withLinks(
  fields: SignatureFields,
  { link, linkError }: Pick<SendOptions, 'link' | 'linkError'>,
): SignatureFields {
  const called = listOf(link).reduce((linked, callback) => withLink(linked, callback), fields)
  return listOf(linkError).reduce((linked, errback) => withErrback(linked, errback), called)
}

/** A signature with an additional errback: {@link linked} defines which of its tasks get it. */
export function withErrback(fields: SignatureFields, errback: Json | Canvas): SignatureFields {
  return linked(fields, 'link_error', [errback as Json])
}

/**
 * A signature with an additional callback. Throws `TWQ_ARGUMENTS` for a group, and for a chord with a group as its body: these
 * can't have callbacks.
 */
export function withLink(fields: SignatureFields, callback: Json | Canvas): SignatureFields {
  const end = fields.kind === 'chord' ? endOf(fields) : fields
  if (end.kind !== 'group') return linked(fields, 'link', [callback as Json])
  throw new TwqError('TWQ_ARGUMENTS', 'a group can have no link: its members end at different times', {
    hint: 'Write chord(group, task) for a task that runs once all members have succeeded',
  })
}

/** As in Celery, for a group and a chord the parallel tasks become immutable. */
function withImmutable(fields: SignatureFields, immutable: boolean): SignatureFields {
  const side =
    fields.kind === 'group' ? fields.kwargs.tasks : fields.kind === 'chord' ? fields.kwargs.header : undefined
  if (side === undefined) return { ...fields, immutable }
  if (fields.kind === 'chord' && isObject(side)) {
    const header = composedJson(withImmutable(readSignature(side, 'chord.header'), immutable))
    return { ...fields, kwargs: { ...fields.kwargs, header } }
  }
  const tasks = readArray(side, 'tasks').map((task) => composedJson({ ...readSignature(task, 'tasks'), immutable }))
  return { ...fields, kwargs: { ...fields.kwargs, [fields.kind === 'group' ? 'tasks' : 'header']: tasks } }
}

/** The body of a chord, or of the chord that is its body. */
function endOf(chord: SignatureFields): SignatureFields {
  const body = readSignature(chord.kwargs.body, 'chord.body')
  return body.kind === 'chord' ? endOf(body) : body
}

/** A value of the canvas serializes itself as JSON. */
export function composedJson(fields: SignatureFields): JsonObject {
  return writeSignature(fields)
}

function taskSignature(
  task: string,
  given: AnyArguments | undefined,
  options: JsonObject,
  declared?: Declaration,
): ComposedValue {
  const { args, kwargs } = callArguments(task, given)
  const problem = declared && partialProblem(task, declared, args, kwargs)
  if (problem !== undefined) throw new TwqError('TWQ_ARGUMENTS', problem)
  return new ComposedValue({ kind: 'task', task, args, kwargs, options, immutable: false })
}

/** The options of a definition that a worker which sends the task later can't know. */
function settingsOf({ name, settings }: AnyTask, given: AnyArguments | undefined): JsonObject {
  const { queue, ignoreResult, expires, compression } = settings
  return {
    ...(queue !== undefined && { queue }),
    ...(ignoreResult === true && { ignore_result: true }),
    ...(expires !== undefined && { expires: seconds(expires) }),
    ...(compression !== undefined && { compression }),
    ...celeryOptions(displayOf(settings, callArguments(name, given))),
  }
}

/** The maximum nesting accepted. */
const MOST_NESTED = 100

/** Parses a signature with everything in it. */
function readDeep(value: Json | undefined, path: string, depth: number): SignatureFields {
  if (depth > MOST_NESTED) {
    throw new TwqError('TWQ_MESSAGE_MALFORMED', `${path} is nested more than ${MOST_NESTED} levels deep`)
  }
  const fields = readSignature(value, path)
  const { tasks, header, body } = fields.kwargs
  const inner = (member: Json, at: string): JsonObject => composedJson(readDeep(member, at, depth + 1))
  const all = (list: Json | undefined, at: string): Json =>
    isObject(list) ? inner(list, at) : readArray(list, at).map((member, index) => inner(member, `${at}[${index}]`))
  switch (fields.kind) {
    case 'group':
    case 'chain':
      return { ...fields, kwargs: { ...fields.kwargs, tasks: all(tasks, `${path}.tasks`) } }
    case 'chord': {
      const parts = { header: all(header, `${path}.header`), body: inner(body as Json, `${path}.body`) }
      return { ...fields, kwargs: { ...fields.kwargs, ...parts } }
    }
    default:
      return fields
  }
}

function seconds(duration: number | string): number {
  return (parseDuration(duration) as number) / 1000
}

function nameOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value
}
