import { type CeleryEvent, splitType } from '../protocol/remote/read-event.ts'
import type { Json } from '../runtime/json.ts'
import { boundedText } from './bounded-text.ts'

/** The state of a task by its events so far: Celery's `Task`, in camelCase; times in seconds since the epoch, `runtime` in seconds. */
export interface TaskState {
  readonly uuid: string
  /** Celery's states, or the subject of a custom event in capitals. */
  readonly state: string
  /** Of the event that the state comes from, or the latest. */
  readonly timestamp: number
  readonly clock: number
  /** The worker that had it last. */
  readonly worker?: string
  /** Who sent it, if events of that are sent. */
  readonly client?: string
  readonly name?: string
  readonly args?: string
  readonly kwargs?: string
  readonly rootId?: string
  readonly parentId?: string
  readonly retries?: number
  readonly eta?: string
  readonly expires?: string
  readonly queue?: string
  readonly exchange?: string
  readonly routingKey?: string
  readonly result?: string
  readonly exception?: string
  readonly traceback?: string
  readonly runtime?: number
  /** When it was last said to be in the state of that name. */
  readonly sent?: number
  readonly received?: number
  readonly started?: number
  readonly succeeded?: number
  readonly failed?: number
  readonly retried?: number
  readonly revoked?: number
  readonly rejected?: number
}

const STATES: ReadonlyMap<string, string> = new Map([
  ['sent', 'PENDING'],
  ['received', 'RECEIVED'],
  ['started', 'STARTED'],
  ['failed', 'FAILURE'],
  ['retried', 'RETRY'],
  ['succeeded', 'SUCCESS'],
  ['revoked', 'REVOKED'],
  ['rejected', 'REJECTED'],
])

/** Celery's precedence: what stands earlier is not changed any more by what stands later. Custom states are in between. */
const PRECEDENCE = ['SUCCESS', 'FAILURE', undefined, 'REVOKED', 'STARTED', 'RECEIVED', 'REJECTED', 'RETRY', 'PENDING']

/** Fields of a state by the keys that events have for them. */
type Texts = Readonly<Record<string, keyof TaskState>>
const TEXTS: Texts = {
  ...{ name: 'name', args: 'args', kwargs: 'kwargs', eta: 'eta', expires: 'expires' },
  ...{ root_id: 'rootId', parent_id: 'parentId' },
}
const OTHER_TEXTS: Texts = {
  ...{ queue: 'queue', exchange: 'exchange', routing_key: 'routingKey' },
  ...{ result: 'result', exception: 'exception', traceback: 'traceback' },
}

/**
 * The state of a task after an event. Events may come out of order: one that logically lies before the task's state
 * adds what it knows and leaves the state alone; only a retry begins anew.
 */
export function taskAfter(before: TaskState | undefined, event: CeleryEvent): TaskState {
  const [, subject] = splitType(event.type)
  const known = STATES.get(subject)
  const state = known ?? boundedText(subject.toUpperCase())
  const { timestamp, clock, hostname } = event
  const current = before?.state ?? 'PENDING'
  const isLate = state !== 'RETRY' && current !== 'RETRY' && rank(state) > rank(current)
  // Of a late task-received only what no other event says.
  const fields =
    isLate && state === 'RECEIVED' ? described(event) : { ...described(event), ...told(event), timestamp, clock }
  return {
    timestamp,
    clock,
    ...nameOfUnknown(event),
    ...before,
    ...fields,
    uuid: event.uuid as string,
    state: isLate ? current : state,
    ...(subject === 'sent' ? { client: hostname } : { worker: hostname }),
    ...(known !== undefined && { [subject]: timestamp }),
  }
}

// Celery's only event of a task that is not registered has its name nowhere else.
function nameOfUnknown({ type, exception }: CeleryEvent): Partial<TaskState> {
  if (type !== 'task-failed' || typeof exception !== 'string') return {}
  const name = /^NotRegistered\('([^'\\]+)'\)$/.exec(exception)?.[1]
  return name === undefined ? {} : { name: boundedText(name) }
}

function rank(state: string): number {
  const found = PRECEDENCE.indexOf(state)
  return found === -1 ? PRECEDENCE.indexOf(undefined) : found
}

function described(event: CeleryEvent): Partial<TaskState> {
  return { ...texts(event, TEXTS), ...number('retries', event.retries) }
}

function told(event: CeleryEvent): Partial<TaskState> {
  return { ...texts(event, OTHER_TEXTS), ...number('runtime', event.runtime) }
}

function texts(event: CeleryEvent, names: Texts): Partial<TaskState> {
  return Object.fromEntries(
    Object.entries(names)
      .filter(([key]) => typeof event[key] === 'string')
      .map(([key, name]) => [name, boundedText(event[key] as string)]),
  )
}

function number(name: string, value: Json | undefined): Partial<TaskState> {
  return typeof value === 'number' && Number.isFinite(value) ? { [name]: value } : {}
}
