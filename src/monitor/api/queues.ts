import type { TaskState } from '../../events/task-state.ts'
import type { DepthRow, OldestMessage, QueueRow } from '../answers/cluster.ts'
import type { ApiParts } from './context.ts'

/** What is known of one queue. */
export interface QueueFacts {
  readonly row: Pick<DepthRow, 'ready' | 'unacknowledged' | 'emptyAt' | 'headTime'>
  /** The send times, from senders' events, of tasks for this queue that no worker has received. */
  readonly sent: readonly number[]
}

/** A row for each queue, with its oldest message; `now` is in seconds since the epoch. */
export function queuesOf({ store, feed }: ApiParts, now: number): readonly QueueRow[] {
  // A task received during a gap in the events looks as if it were still waiting.
  const heardSince = feed.link.gaps[0]?.to ?? 0
  const sentTo = waitingByQueue(store.tasks.values(), heardSince)
  return feed.depths.rows.map((row) => {
    const { emptyAt, headTime, ...shown } = row
    const oldest = row.kind === 'task' ? oldestOf({ row, sent: sentTo.get(row.name) ?? [] }, now) : undefined
    const isUnknown = row.kind === 'task' && oldest === undefined && (row.ready ?? 0) > 0
    return { ...shown, oldest, oldestUnknown: isUnknown ? UNKNOWN : undefined }
  })
}

const UNKNOWN = 'neither its messages nor their senders tell, and it was never seen empty'

// Clocks of senders may differ from ours.
const AHEAD = 60

/**
 * The oldest message of a queue, from the best source: its own timestamp; senders' events; the time when the queue was last
 * empty. No message is consumed. Undefined if nothing waits, and if no source knows.
 */
export function oldestOf({ row, sent }: QueueFacts, now: number): OldestMessage | undefined {
  const { ready = 0, emptyAt, headTime, unacknowledged = 0 } = row
  if (ready === 0) return undefined
  // It may be the time of a message that a worker holds: no waiting message is older.
  const came = unacknowledged > 0 ? 'after' : 'at'
  if (headTime !== undefined && headTime <= now + AHEAD) return { at: headTime, came, by: 'message' }
  // Only as many of the newest as wait: older ones went elsewhere, for example to a worker that sends no events.
  const waiting = sent
    .filter((at) => emptyAt === undefined || at > emptyAt)
    .sort((a, b) => b - a)
    .slice(0, ready)
  const at = waiting.at(-1)
  if (at !== undefined && waiting.length === ready) return { at, came: 'at', by: 'senders' }
  if (emptyAt !== undefined) return { at: emptyAt, came: 'after', by: 'depth' }
  return at === undefined ? undefined : { at, came: 'before', by: 'senders' }
}

function waitingByQueue(tasks: Iterable<TaskState>, since: number): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>()
  for (const { state, queue, sent, eta } of tasks) {
    // A task with an ETA may wait elsewhere.
    if (state !== 'PENDING' || queue === undefined || sent === undefined || sent < since || eta !== undefined) continue
    const times = found.get(queue)
    if (times === undefined) found.set(queue, [sent])
    else times.push(sent)
  }
  return found
}
