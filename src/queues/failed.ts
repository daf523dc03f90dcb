import type { Connection, Delivery } from '../broker/broker.ts'
import { failedQueue } from '../protocol/companion-queues.ts'
import { type AttemptError, type KeptPart, readFailureFacts } from '../protocol/headers/failed.ts'
import { type Rerun, rerunMessage } from '../protocol/task/encode-rerun.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { lookThrough } from './look-through.ts'
import {
  isMeant,
  type QuarantinedMessage,
  type QuarantineFilter,
  readQuarantined,
  withHeadersRead,
} from './quarantine.ts'

/** The message of a task that ended in FAILURE, as it lies in `<queue>.failed`. */
export interface FailedMessage extends QuarantinedMessage {
  /** What ended its last attempt: `failed`, `timed-out`, `lost`, … */
  readonly outcome: string
  readonly traceback: string | null
  /** How many attempts it had: one, and its retries. */
  readonly attempts: number
  /** How often it was run again by hand before. */
  readonly rerun: number
  /** When the code of its last attempt began to run: ISO 8601, where it did. */
  readonly started: string | undefined
  /** The error of its first attempt, where it had others. */
  readonly first: AttemptError | undefined
  /** `headers`: it was kept without its arguments, and can't run again. */
  readonly part: KeptPart
  /** What tells its attempt from all others: two copies of the same are one failure. */
  readonly attempt: string
}

/** Which failures are meant; without a field, all. */
export interface FailedFilter extends Omit<QuarantineFilter, 'reason'> {
  /** The type of the last error, like `ValueError`. */
  readonly error?: string | undefined
  /** The tasks of these ids. */
  readonly ids?: ReadonlySet<string> | undefined
  /** One attempt: {@link FailedMessage.attempt}. */
  readonly attempt?: string | undefined
  /** The detail or the traceback of the last error contains this text. */
  readonly text?: string | undefined
}

/** Reads a message of `<queue>.failed`; undefined for one that no worker put there. */
export function readFailed(delivery: Delivery): FailedMessage | undefined {
  const facts = readFailureFacts(delivery.headers)
  if (facts === undefined) return undefined
  const { nesting, retries, ...told } = facts
  const message = readQuarantined(delivery)
  const attempt = `${message.id ?? ''} ${retries} ${nesting} ${told.rerun}`
  return { ...message, ...told, attempts: retries + 1, attempt, original: withHeadersRead(message.original) }
}

/** True when `message` passes `filter`. */
export function isFailureMeant(
  message: FailedMessage,
  { error, text, ids, attempt, ...filter }: FailedFilter,
): boolean {
  return (
    (ids === undefined || (message.id !== undefined && ids.has(message.id))) &&
    (attempt === undefined || message.attempt === attempt) &&
    isMeant(message, { ...filter, reason: error }) &&
    (text === undefined || message.detail.includes(text) || message.traceback?.includes(text) === true)
  )
}

/**
 * The message that runs a failed task again, sent to the task queue `queue` and no other: its headers are no authority for
 * that. Undefined where it was kept without its arguments. Throws as `rerunMessage`.
 */
export function rerunOf(
  { original, rerun, part }: FailedMessage,
  queue: string,
  change: Omit<Rerun, 'rerun'>,
): { readonly outgoing: Outgoing; readonly leavesChord: boolean } | undefined {
  if (original === undefined || part === 'headers') return undefined
  const { message, leavesChord } = rerunMessage(original.message, { ...change, rerun: rerun + 1 })
  return { outgoing: { route: { exchange: '', routingKey: queue }, message }, leavesChord }
}

/**
 * The failures of a task queue that lie in `<queue>.failed` now and pass `filter`, oldest first, each attempt once. One is read
 * at a time, and none is taken: all go back when the iteration ends. Rejects with `TWQ_QUEUE_MISSING` where there is no such queue.
 */
export async function* failedMessages(
  connection: Connection,
  queue: string,
  filter: FailedFilter = {},
  { limit }: { readonly limit?: number | undefined } = {},
): AsyncGenerator<FailedMessage, void> {
  const attempts = new Attempts()
  for await (const delivery of lookThrough(connection, failedQueue(queue), { limit })) {
    const message = readFailed(delivery)
    if (message !== undefined && isFailureMeant(message, filter) && attempts.isNew(message)) yield message
  }
}

/** Copies of one attempt this far apart count as two. */
const MOST_ATTEMPTS = 100_000

/** Tells the first copy of an attempt from further ones: a worker that died between its copy and its ack has left one. */
export class Attempts {
  readonly #seen = new Set<string>()

  /** False for a further copy. */
  isNew({ attempt }: FailedMessage): boolean {
    if (this.#seen.has(attempt)) return false
    if (this.#seen.size >= MOST_ATTEMPTS) this.#seen.clear()
    this.#seen.add(attempt)
    return true
  }
}
