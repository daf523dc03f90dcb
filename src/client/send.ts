import { TwqError } from '../errors.ts'
import { encodeTask, type NewTask } from '../protocol/encode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { parseDuration } from '../runtime/duration.ts'
import { bindArguments, callArguments } from '../tasks/arguments.ts'
import { validate } from '../tasks/schema.ts'
import { checkSendOptions } from '../tasks/send-options.ts'
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
  checkSendOptions(options)
  const { name, settings } = typeof target === 'string' ? { name: target, settings: {} } : target
  const ignoreResult = options.ignoreResult ?? settings.ignoreResult ?? false
  const wantsResult = !ignoreResult && facts.replyTo !== undefined
  const id = options.taskId ?? facts.id
  const queue = options.queue ?? settings.queue ?? facts.queue
  const task: NewTask = {
    id,
    task: name,
    origin: facts.origin,
    ...callArguments(name, args),
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
  const { args: positional, kwargs } = callArguments(task.name, args)
  const bound = bindArguments(task.name, task.positional, positional, kwargs)
  if (bound.kind === 'mismatch') throw new TwqError('TWQ_ARGUMENTS', bound.message)
  if (task.schema === undefined) return
  const validated = await validate(task.schema, bound.args)
  if (validated.kind === 'invalid') {
    throw new TwqError('TWQ_ARGUMENTS', `${task.name}() got invalid arguments: ${validated.message}`)
  }
}

/** A date, or a duration from now, in milliseconds since the epoch. */
function momentOf(value: Date | number | string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (value instanceof Date) return value.getTime()
  return now + (parseDuration(value) as number)
}
