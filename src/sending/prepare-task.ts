import { refuseChords } from '../canvas/freeze.ts'
import { listOf } from '../canvas/links.ts'
import { TwqError } from '../errors.ts'
import type { Destination } from '../protocol/queue/routes.ts'
import { encodeTask, type NewTask } from '../protocol/task/encode-task.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { parseDuration } from '../runtime/time/duration.ts'
import { displayOf } from '../tasks/argument-display.ts'
import { bindArguments, callArguments } from '../tasks/arguments.ts'
import { checkSendOptions } from '../tasks/send-options.ts'
import type { AnyArguments, SendOptions } from '../tasks/sending.ts'
import type { AnyTask, TaskSettings } from '../tasks/task.ts'
import { validateCall } from '../tasks/validate-call.ts'
import type { Router } from './router.ts'

/** The context of a call: its sender, its time, and the task that sends. */
export interface SendFacts {
  /** A new id, used unless the caller gives one. */
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** `gen<pid>@<host>`. */
  readonly origin: string
  /** Where results go when they are wanted. */
  readonly replyTo: string | undefined
  /** Where the message goes. */
  readonly router: Router
  /** True: workers have a result backend that joins chords, so that what follows the task may be one. */
  readonly joinsChords?: boolean
  /** The message of the task that sends. */
  readonly parent?: TaskMessage | undefined
  /** True: the task gets the priority of the one that sends it, where nothing else says one. */
  readonly inheritPriority?: boolean
}

/** A message ready to be published, and what the sender must know of it. */
export interface PreparedTask {
  readonly id: string
  readonly task: string
  readonly queue: string
  /** False when nothing will come back to be read. */
  readonly wantsResult: boolean
  /** True where a final result can only come once the broker has taken all of it: the id is new, and it goes to one queue. */
  readonly provenByResult?: boolean
  /** When it may start; milliseconds since the epoch. */
  readonly eta?: number | undefined
  readonly outgoing: Outgoing
}

/**
 * Builds the message that one call of `send` publishes (wire specification 1.3, 2.1 to 2.4). Throws `TWQ_ARGUMENTS` for an
 * invalid call, and `TWQ_UNSERIALISABLE` for a value without a JSON form.
 */
export function prepareTask(
  target: AnyTask | string,
  args: AnyArguments | undefined,
  options: SendOptions,
  facts: SendFacts,
): PreparedTask {
  checkSendOptions(options)
  const { name, settings } = typeof target === 'string' ? { name: target, settings: {} as TaskSettings } : target
  const ignoreResult = options.ignoreResult ?? settings.ignoreResult ?? false
  const wantsResult = !ignoreResult && facts.replyTo !== undefined
  const id = options.taskId ?? facts.id
  const inherited = facts.inheritPriority ? facts.parent?.priority : undefined
  const destination = destinationOf(options, settings, inherited)
  const { queue, route, priority } = facts.router.address(name, args ?? [], destination)
  const call = callArguments(name, args)
  const shown = displayOf(settings, call)
  const task: NewTask = {
    id,
    task: name,
    origin: facts.origin,
    ...call,
    eta: momentOf(options.eta ?? options.countdown, facts.now),
    expires: momentOf(options.expires ?? settings.expires, facts.now),
    rootId: facts.parent?.rootId,
    parentId: facts.parent?.id,
    stamps: options.stamps,
    stampedHeaders: options.stamps && Object.keys(options.stamps),
    compression: options.compression ?? settings.compression,
    argsRepr: options.argsRepr ?? shown.argsRepr,
    kwargsRepr: options.kwargsRepr ?? shown.kwargsRepr,
    shadow: options.shadow,
    ignoreResult,
    replyTo: wantsResult ? facts.replyTo : undefined,
    priority,
    retries: options.retries,
    timeLimit: { hard: durationOf(options.timeLimit), soft: durationOf(options.softTimeLimit) },
    headers: options.headers,
    embed: options.link === undefined && options.linkError === undefined ? undefined : embedOf(name, options, facts),
  }
  const outgoing = { route, message: encodeTask(task, { now: facts.now }) }
  const provenByResult = wantsResult && options.taskId === undefined && goesToOneQueue(outgoing)
  return { id, task: name, queue, wantsResult, provenByResult, eta: task.eta, outgoing }
}

function goesToOneQueue({ route, message: { headers } }: Outgoing): boolean {
  return route.exchange === '' && !('CC' in headers) && !('BCC' in headers)
}

/** The follow-ups of the task, as its worker reads them. */
function embedOf(name: string, { link, linkError }: SendOptions, { joinsChords = false }: SendFacts): NewTask['embed'] {
  const callbacks = listOf(link).map((canvas) => canvas.toJSON())
  const errbacks = listOf(linkError).map((canvas) => canvas.toJSON())
  if (!joinsChords) refuseChords([...callbacks, ...errbacks], name)
  return { callbacks: callbacks.length > 0 ? callbacks : null, errbacks: errbacks.length > 0 ? errbacks : null }
}

/** As Celery: what the caller says, then what the task says of itself; the routes come after both. */
function destinationOf(options: SendOptions, settings: TaskSettings, inherited: number | undefined): Destination {
  const { exchange, routingKey } = options
  // Who names an exchange does not mean the task's own queue.
  const queue = options.queue ?? (exchange === undefined ? settings.queue : undefined)
  const priority = options.priority ?? settings.priority ?? inherited
  return {
    ...(queue !== undefined && { queue }),
    ...(exchange !== undefined && { exchange }),
    ...(routingKey !== undefined && { routingKey }),
    ...(priority !== undefined && { priority }),
  }
}

/** Checks arguments against a task's own declaration, so that a wrong call fails here and not in a worker. Rejects with `TWQ_ARGUMENTS`. */
export async function checkArguments(task: AnyTask, args: AnyArguments | undefined): Promise<void> {
  const { args: positional, kwargs } = callArguments(task.name, args)
  const bound = bindArguments(task.name, task, positional, kwargs)
  if (bound.kind === 'mismatch') throw new TwqError('TWQ_ARGUMENTS', bound.message)
  if (task.schema === undefined) return
  const checked = await validateCall(task, task.schema, bound.args)
  if (checked.kind === 'invalid') throw new TwqError('TWQ_ARGUMENTS', checked.message)
}

function durationOf(value: number | string | undefined): number | undefined {
  return value === undefined ? undefined : parseDuration(value)
}

/** A date, or a duration from now, in milliseconds since the epoch. */
function momentOf(value: Date | number | string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined
  if (value instanceof Date) return value.getTime()
  return now + (parseDuration(value) as number)
}
