import { messageOf, TwqError } from '../errors.ts'
import { encodeTask, type NewTask } from '../protocol/encode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { closest } from '../runtime/closest.ts'
import { parseDuration } from '../runtime/duration.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import { bindArguments } from '../tasks/arguments.ts'
import { validate } from '../tasks/schema.ts'
import type { AnyArguments, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'

/** What a message depends on besides the call: who sends it, when, and from inside which task. */
export interface SendFacts {
  /** A new id, used unless the caller gives one. */
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where results go when they are wanted. */
  readonly replyTo: string | undefined
  /** The queue when neither the caller nor the task names one. */
  readonly queue: string
  /** The message of the task that sends. */
  readonly parent?: TaskMessage | undefined
}

/** A message ready to be published, and what the sender must know of it. */
export interface PreparedTask {
  readonly id: string
  readonly task: string
  readonly queue: string
  /** False when nothing will come back to be read. */
  readonly wantsResult: boolean
  readonly outgoing: Outgoing
}

/**
 * Builds the message that one call of `send` publishes (wire specification 1.3, 2.1 to 2.4). Throws `TWQ_ARGUMENTS` for a
 * call that can't be meant, and `TWQ_UNSERIALISABLE` for a value without a JSON form.
 */
export function prepareTask(
  target: AnyTask | string,
  args: AnyArguments | undefined,
  options: SendOptions,
  facts: SendFacts,
): PreparedTask {
  checkOptions(options)
  const { name, settings } = typeof target === 'string' ? { name: target, settings: {} } : target
  const ignoreResult = options.ignoreResult ?? settings.ignoreResult ?? false
  const wantsResult = !ignoreResult && facts.replyTo !== undefined
  const id = options.taskId ?? facts.id
  const queue = options.queue ?? settings.queue ?? facts.queue
  const task: NewTask = {
    id,
    task: name,
    origin: facts.origin,
    ...splitArguments(name, args),
    eta: momentOf(options.eta ?? options.countdown, facts.now),
    expires: momentOf(options.expires, facts.now),
    rootId: facts.parent?.rootId,
    parentId: facts.parent?.id,
    shadow: options.shadow,
    ignoreResult,
    replyTo: wantsResult ? facts.replyTo : undefined,
    priority: options.priority,
    headers: options.headers,
  }
  // Celery publishes to the default exchange: a queue of its own making is bound to a direct exchange.
  const route = { exchange: '', routingKey: queue }
  return { id, task: name, queue, wantsResult, outgoing: { route, message: encodeTask(task, { now: facts.now }) } }
}

/** Checks arguments against a task's own declaration, so that a wrong call fails here and not in a worker. Rejects with `TWQ_ARGUMENTS`. */
export async function checkArguments(task: AnyTask, args: AnyArguments | undefined): Promise<void> {
  const { args: positional, kwargs } = splitArguments(task.name, args)
  const bound = bindArguments(task.name, task.positional, positional, kwargs)
  if (bound.kind === 'mismatch') throw new TwqError('TWQ_ARGUMENTS', bound.message)
  if (task.schema === undefined) return
  const validated = await validate(task.schema, bound.args)
  if (validated.kind === 'invalid') {
    throw new TwqError('TWQ_ARGUMENTS', `${task.name}() got invalid arguments: ${validated.message}`)
  }
}

/** An array is positional arguments, an object named ones. */
function splitArguments(name: string, args: unknown): { args: readonly Json[]; kwargs: JsonObject } {
  if (args === undefined) return { args: [], kwargs: {} }
  if (Array.isArray(args)) return { args, kwargs: {} }
  if (typeof args === 'object' && args !== null && !(args instanceof Date) && !(args instanceof Uint8Array)) {
    return { args: [], kwargs: args as JsonObject }
  }
  const got = args === null ? 'null' : typeof args === 'object' ? `a ${args.constructor.name}` : typeof args
  throw new TwqError('TWQ_ARGUMENTS', `the arguments of ${name} must be an array or an object, got ${got}`, {
    hint: 'An array holds positional arguments, an object named ones; no arguments at all are []',
  })
}

/** What each option must be, in words, and whether a value is that. */
const OPTIONS: Readonly<Record<keyof SendOptions, readonly [string, (value: unknown) => boolean]>> = {
  queue: ["a queue's name of 1 to 255 bytes", isShortText],
  eta: ['a valid Date', isDate],
  countdown: ["milliseconds or a duration like '10s'", (value) => parseDuration(value) !== undefined],
  expires: ["a valid Date, or a duration like '10m'", (value) => isDate(value) || parseDuration(value) !== undefined],
  taskId: ['a text of 1 to 255 bytes', isShortText],
  priority: [
    'a whole number from 0 to 255',
    (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255,
  ],
  headers: ['an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
  ignoreResult: ['true or false', (value) => typeof value === 'boolean'],
  shadow: ['a text', (value) => typeof value === 'string'],
  signal: ['an AbortSignal', (value) => value instanceof AbortSignal],
}

function checkOptions(options: SendOptions): void {
  for (const [key, value] of Object.entries(options)) {
    if (!Object.hasOwn(OPTIONS, key)) {
      const meant = closest(key, Object.keys(OPTIONS))
      throw new TwqError('TWQ_ARGUMENTS', `unknown send option '${key}'`, {
        hint: meant === undefined ? `There are: ${Object.keys(OPTIONS).join(', ')}` : `Did you mean '${meant}'?`,
      })
    }
    const [expected, fits] = OPTIONS[key as keyof SendOptions]
    if (value !== undefined && !fits(value)) {
      throw new TwqError('TWQ_ARGUMENTS', `send option ${key} must be ${expected}, got ${messageOf(value)}`)
    }
  }
  if (options.eta !== undefined && options.countdown !== undefined) {
    throw new TwqError('TWQ_ARGUMENTS', 'eta and countdown both say when to start', { hint: 'Give one of them' })
  }
}

// AMQP carries both in short strings.
function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255
}

function isDate(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime())
}

/** A date, or a duration from now, in milliseconds since the epoch. */
function momentOf(value: Date | number | string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (value instanceof Date) return value.getTime()
  return now + (parseDuration(value) as number)
}
