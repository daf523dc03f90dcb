import type { TaskRow } from './tasks.ts'

/** How many events of a kind there were. */
export interface Counts {
  readonly sent: number
  readonly received: number
  readonly started: number
  readonly succeeded: number
  readonly failed: number
  readonly retried: number
  readonly revoked: number
  readonly rejected: number
}

/** The connection to the broker, and since when it is as it is. */
export interface BrokerState {
  readonly state: 'connecting' | 'connected' | 'lost' | 'refused'
  /** Seconds since the epoch. */
  readonly since: number
  readonly error: string | undefined
}

/** A time in which no events could be heard. */
export interface Gap {
  readonly from: number
  readonly to: number | undefined
}

/** Middle and slow durations, in seconds; undefined where nothing was measured. */
export interface Durations {
  readonly p50: number | undefined
  readonly p95: number | undefined
}

/** The first page. Times are seconds since the epoch. */
export interface Overview {
  readonly now: number
  /** Since when events have been heard and counted. */
  readonly since: number
  readonly broker: BrokerState
  readonly gaps: readonly Gap[]
  readonly totals: Counts
  /** Events a second, over the last ten. */
  readonly rates: Counts
  /** Of the last five minutes. */
  readonly runtime: Durations
  readonly wait: Durations
  readonly workers: { readonly online: number; readonly known: number }
  readonly queued: number | undefined
  readonly running: number
  readonly remembered: number
  /** Events that are in no count: they came too fast, or were unreadable. */
  readonly lost: { readonly dropped: number; readonly refused: number }
  readonly failures: readonly TaskRow[]
}

/** Columns of the charts, one number a point; null where nothing was heard, or measured. */
export interface Series {
  /** Seconds of each point. */
  readonly step: number
  /** The beginning of each point, seconds since the epoch. */
  readonly at: readonly number[]
  readonly received: readonly (number | null)[]
  readonly succeeded: readonly (number | null)[]
  readonly failed: readonly (number | null)[]
  readonly retried: readonly (number | null)[]
  readonly runtime50: readonly (number | null)[]
  readonly runtime95: readonly (number | null)[]
  readonly wait95: readonly (number | null)[]
}

/** Whether the task events of a worker come: they do, there are none though it works, or it has not worked yet. */
export type TaskEventsHeard = 'heard' | 'silent' | 'unknown'

/** A worker. Times are seconds since the epoch. */
export interface WorkerRow {
  readonly name: string
  readonly online: boolean
  readonly lastHeard: number | undefined
  readonly software: string | undefined
  readonly system: string | undefined
  readonly pid: number | undefined
  readonly active: number | undefined
  readonly processed: number | undefined
  readonly load: readonly number[] | undefined
  readonly taskEvents: TaskEventsHeard
  /** What it answers itself; undefined while it has not. */
  readonly pool: string | undefined
  readonly slots: number | undefined
  readonly prefetch: number | undefined
  readonly uptime: number | undefined
  readonly clock: number | undefined
  readonly queues: readonly string[]
  /** When it answered. */
  readonly asked: number | undefined
}

/** All workers. */
export interface WorkerList {
  readonly now: number
  readonly workers: readonly WorkerRow[]
}

/** The oldest message that waits in a queue, as far as that is known without taking one. */
export interface OldestMessage {
  /** Seconds since the epoch. */
  readonly at: number
  /** It came at that time, not after it, or not before it. */
  readonly came: 'at' | 'before' | 'after'
  /** Known by the time that the message bears; by the events of senders, of which no worker has received the task; by the queue having been empty. */
  readonly by: 'message' | 'senders' | 'depth'
}

/** A queue as the broker tells of it. */
export interface QueueRow {
  readonly name: string
  readonly exists: boolean
  /** The node that it lives on is down. */
  readonly down: boolean
  readonly ready: number | undefined
  readonly consumers: number | undefined
  readonly unacknowledged: number | undefined
  /** Messages a second, where the management API tells. */
  readonly published: number | undefined
  readonly delivered: number | undefined
  readonly type: string | undefined
  /** Undefined where nothing waits, and where nothing is known: then `oldestUnknown` says why. */
  readonly oldest: OldestMessage | undefined
  readonly oldestUnknown: string | undefined
  /** How `ready` went, a number each time it was asked for, oldest first. */
  readonly depths: readonly number[]
  readonly kind: 'task' | 'failed' | 'quarantine' | 'suspects'
}

/** A queue as it is listed. */
export type DepthRow = Omit<QueueRow, 'oldest' | 'oldestUnknown'> & {
  /** When it was seen empty last, and the time that its first message bears; seconds since the epoch. */
  readonly emptyAt: number | undefined
  readonly headTime: number | undefined
}

/** All queues that the configuration names or workers consume. */
export interface QueueList {
  /** When the broker was asked; seconds since the epoch. */
  readonly asked: number | undefined
  /** Seconds between two of `depths`. */
  readonly every: number
  readonly error: string | undefined
  readonly queues: readonly QueueRow[]
}
