import type { Connection } from '../broker/broker.ts'
import { failedQueue, quarantineQueue } from '../protocol/companion-queues.ts'
import type { WireMessage } from '../protocol/wire.ts'
import { type QuarantinedMessage, readQuarantined, withHeadersRead } from './quarantine.ts'
import { queueStatus } from './queue-access.ts'

/** Where workers put messages of a queue that are not to run again by themselves: failed tasks, and what could not run. */
export type SetAsideKind = 'failed' | 'quarantined'

/** A queue beside a task queue, and what its messages are. */
export interface SetAsideQueue {
  readonly kind: SetAsideKind
  readonly name: string
}

/** The queues beside a task queue in which a message can be found by the id of its task; their copies have one form. */
export function setAsideQueues(queue: string): readonly SetAsideQueue[] {
  return [
    { kind: 'failed', name: failedQueue(queue) },
    { kind: 'quarantined', name: quarantineQueue(queue) },
  ]
}

/** What a search among the messages of one queue has found. */
export interface SetAsideSearch extends SetAsideQueue {
  readonly found: readonly QuarantinedMessage[]
  /** Messages that were looked at, and those that were not. */
  readonly looked: number
  readonly unseen: number
}

/** How to search. */
export interface SearchOptions {
  readonly id: string
  /** Looks at no more messages of a queue than this. */
  readonly limit?: number | undefined
  /** Finds no more than this many. */
  readonly most?: number
  /** False leaves out their bodies, which may be large. */
  readonly whole: boolean
  readonly signal?: AbortSignal
}

/**
 * Searches one queue for the messages of a task. None is taken: all go back to their places, flagged as redelivered, which counts
 * nothing there. Where there is no such queue nothing is found. Rejects with `TWQ_QUEUE_DOWN` where it can't be reached.
 */
export async function searchSetAside(
  connection: Connection,
  { kind, name }: SetAsideQueue,
  { id, limit = Number.POSITIVE_INFINITY, most = Number.POSITIVE_INFINITY, whole, signal }: SearchOptions,
): Promise<SetAsideSearch> {
  const status = await queueStatus(connection, name)
  if (status === undefined) return { kind, name, found: [], looked: 0, unseen: 0 }
  const found: QuarantinedMessage[] = []
  let looked = 0
  // They go back together when the channel closes.
  await using channel = await connection.openChannel()
  // Until nothing more is ready: for a moment a quorum queue counts what has just gone back as if it were not there.
  while (looked < limit && signal?.aborted !== true) {
    const delivery = await channel.get(name)
    if (delivery === undefined) break
    looked += 1
    const message = readQuarantined(delivery)
    if (message.id === id && found.length < most) found.push(whole ? message : { ...message, original: undefined })
  }
  return { kind, name, found, looked, unseen: Math.max(0, status.messages - looked) }
}

/** The original of a message that was set aside, with its headers read. Undefined where no worker put it there. */
export function originalOf({ original }: QuarantinedMessage): WireMessage | undefined {
  return withHeadersRead(original)?.message
}
