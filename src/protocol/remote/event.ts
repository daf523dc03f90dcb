import type { Json } from '../../runtime/json.ts'
import { startOf } from '../../runtime/text/cut-text.ts'
import { JSON_CONTENT } from '../body.ts'
import { stringifyJson } from '../json.ts'
import { displayOf, exceptionRepr } from '../python-repr.ts'
import type { RemoteError } from '../result-record.ts'
import type { TaskMessage } from '../task-message.ts'
import { formatTimestamp } from '../timestamps.ts'
import type { Outgoing } from '../wire.ts'

// Celery's events (wire specification 6), with the keys of the wire. `stampEvent` adds the fields common to all events, and the
// two functions below it make the messages.

/** The exchange for all events: topic, durable. */
export const EVENT_EXCHANGE = 'celeryev'

/** An event of a task. Values are texts as Python displays them. */
export type TaskEvent =
  | {
      readonly type: 'task-received'
      readonly uuid: string
      /** The displayed name: the shadow if there is one. */
      readonly name: string
      readonly args: string
      readonly kwargs: string
      readonly root_id: string
      readonly parent_id: string | null
      readonly retries: number
      readonly eta: string | null
      readonly expires: string | null
    }
  | { readonly type: 'task-started'; readonly uuid: string }
  /** `runtime` is in seconds. */
  | { readonly type: 'task-succeeded'; readonly uuid: string; readonly result: string; readonly runtime: number }
  /** A task that is not registered has no traceback. */
  | {
      readonly type: 'task-failed'
      readonly uuid: string
      readonly exception: string
      readonly traceback?: string | null
    }
  | {
      readonly type: 'task-retried'
      readonly uuid: string
      readonly exception: string
      readonly traceback: string | null
    }
  | { readonly type: 'task-rejected'; readonly uuid: string; readonly requeue: boolean }
  | {
      readonly type: 'task-revoked'
      readonly uuid: string
      readonly terminated: boolean
      readonly signum: number | null
      readonly expired: boolean
    }

/** A worker's software, as its events name it. */
export interface Software {
  readonly sw_ident: string
  readonly sw_ver: string
  readonly sw_sys: string
}

/** A worker's load. */
export interface WorkerLoad {
  /** Tasks that are running now. */
  readonly active: number
  /** Tasks started since the worker started. */
  readonly processed: number
  /** The machine's load over 1, 5 and 15 minutes. */
  readonly loadavg: readonly number[]
}

/** A worker's heartbeat. Monitors consider it gone once twice `freq`, in seconds, has passed without another one. */
export type WorkerEvent = {
  readonly type: 'worker-online' | 'worker-heartbeat' | 'worker-offline'
  readonly freq: number
} & Software &
  Partial<WorkerLoad>

/** The sender of an event, and its time. */
export interface EventStamp {
  /** The worker's node name. */
  readonly node: string
  readonly pid: number
  /** The logical clock, advanced for this event. */
  readonly clock: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** An event as JSON text, with the fields common to all events (wire specification 6.1). */
export function stampEvent({ type, ...fields }: TaskEvent | WorkerEvent, stamp: EventStamp): string {
  const { node, pid, clock, now } = stamp
  const common = { hostname: node, utcoffset: utcOffset(now), pid, clock }
  return stringifyJson({ ...common, ...fields, timestamp: now / 1000, type }, { path: 'event' })
}

/** The message of one event; `event` is its stamped text. The routing key is the type with dots. */
export function eventMessage(node: string, type: string, event: string): Outgoing {
  return outgoing(node, type.replaceAll('-', '.'), event)
}

/** The message of several task events, oldest first, each a stamped text. */
export function taskEventsMessage(node: string, events: readonly string[]): Outgoing {
  return outgoing(node, 'task.multi', `[${events.join(',')}]`)
}

/** Hours west of UTC, rounded down: Python's `time.timezone // 3600`, summer time included. */
export function utcOffset(now: number): number {
  return Math.floor(new Date(now).getTimezoneOffset() / 60)
}

function outgoing(node: string, routingKey: string, body: string): Outgoing {
  return {
    route: { exchange: EVENT_EXCHANGE, routingKey },
    message: {
      properties: { ...JSON_CONTENT, deliveryMode: 1, priority: 0 },
      headers: { hostname: node },
      body: Buffer.from(body),
    },
  }
}

/** A message arrived whose task will run. */
export function taskReceived(message: TaskMessage): TaskEvent {
  return {
    type: 'task-received',
    uuid: message.id,
    name: message.shadow ?? message.task,
    args: message.argsRepr,
    kwargs: message.kwargsRepr,
    root_id: message.rootId,
    parent_id: message.parentId,
    retries: message.retries,
    eta: moment(message.eta),
    expires: moment(message.expires),
  }
}

/** A task returned `result` after `runtime` milliseconds. */
export function taskSucceeded(uuid: string, result: Json, runtime: number): TaskEvent {
  return { type: 'task-succeeded', uuid, result: displayOf(result), runtime: runtime / 1000 }
}

/** A task failed for good. */
export function taskFailed(uuid: string, error: RemoteError): TaskEvent {
  return { type: 'task-failed', uuid, exception: exceptionText(error), traceback: error.traceback }
}

/** A message for a task that is not registered: no code failed, so there is no traceback. */
export function unknownTaskFailed(uuid: string, error: RemoteError): TaskEvent {
  return { type: 'task-failed', uuid, exception: exceptionText(error) }
}

/** A task will run again; `error` is null if it asked for that without an error. */
export function taskRetried(uuid: string, error: RemoteError | null): TaskEvent {
  const exception = error === null ? 'None' : exceptionText(error)
  return { type: 'task-retried', uuid, exception, traceback: error?.traceback ?? null }
}

/** A task must not run, or must stop. */
export function taskRevoked(
  uuid: string,
  reason: 'revoked' | 'expired' | 'terminated',
  signum: number | undefined = undefined,
): TaskEvent {
  return {
    type: 'task-revoked',
    uuid,
    terminated: reason === 'terminated',
    signum: reason === 'terminated' ? (signum ?? null) : null,
    expired: reason === 'expired',
  }
}

const LONGEST_EXCEPTION = 1024

function exceptionText(error: RemoteError): string {
  const text = exceptionRepr(error)
  return text.length > LONGEST_EXCEPTION ? `${startOf(text, LONGEST_EXCEPTION - 3)}...` : text
}

function moment(ms: number | undefined): string | null {
  return ms === undefined ? null : formatTimestamp(ms)
}
