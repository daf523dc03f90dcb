import type { TaskState } from '../../events/task-state.ts'
import type { DepthRow, OldestMessage, QueueRow } from '../answers/cluster.ts'
import type { ApiParts } from './context.ts'

/** What is known of one queue. */
export interface QueueFacts {
  readonly row: Pick<DepthRow, 'ready' | 'unacknowledged' | 'emptyAt' | 'headTime'>
  /** When the tasks were sent that senders have told of for this queue, and no worker of having received. */
  readonly sent: readonly number[]
}

/** A row for each queue, with its oldest message; `now` is in seconds since the epoch. */
export function queuesOf({ store, feed }: ApiParts, now: number): readonly QueueRow[] {
  // What was received while nothing could be heard looks as if it waited still.
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

// Clocks of senders differ from ours.
const AHEAD = 60

/**
 * The oldest message of a queue, by the best that tells it: its own time; senders' events; when the queue was seen empty last. No
 * message is taken for it. Undefined where nothing waits, and where nothing tells it.
 */
export function oldestOf({ row, sent }: QueueFacts, now: number): OldestMessage | undefined {
  const { ready = 0, emptyAt, headTime, unacknowledged = 0 } = row
  if (ready === 0) return undefined
  // It may be that of a message which a worker has: none that waits is older.
  const came = unacknowledged > 0 ? 'after' : 'at'
  if (headTime !== undefined && headTime <= now + AHEAD) return { at: headTime, came, by: 'message' }
  // As many of the newest as wait: what is older has gone another way, to a worker that sends no events for instance.
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
    // What has a time to run at may wait elsewhere.
    if (state !== 'PENDING' || queue === undefined || sent === undefined || sent < since || eta !== undefined) continue
    const times = found.get(queue)
    if (times === undefined) found.set(queue, [sent])
    else times.push(sent)
  }
  return found
}
