import type { TaskRow } from './tasks.ts'

/** A number of events of one kind. */
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

/** The connection to the broker, and since when it has been in this state. */
export interface BrokerState {
  readonly state: 'connecting' | 'connected' | 'lost' | 'refused'
  /** Seconds since the epoch. */
  readonly since: number
  readonly error: string | undefined
}

/** A period in which no events could be received. */
export interface Gap {
  readonly from: number
  readonly to: number | undefined
}

/** Median and slow durations, in seconds; undefined if nothing was measured. */
export interface Durations {
  readonly p50: number | undefined
  readonly p95: number | undefined
}

/** The first page. Times are seconds since the epoch. */
export interface Overview {
  readonly now: number
  /** Since when events have been received and counted. */
  readonly since: number
  readonly broker: BrokerState
  readonly gaps: readonly Gap[]
  readonly totals: Counts
  /** Events per second over the last ten seconds. */
  readonly rates: Counts
  /** Of the last five minutes. */
  readonly runtime: Durations
  readonly wait: Durations
  readonly workers: { readonly online: number; readonly known: number }
  readonly queued: number | undefined
  readonly running: number
  readonly remembered: number
  /** Uncounted events: they arrived too fast, or were unreadable. */
  readonly lost: { readonly dropped: number; readonly refused: number }
  readonly failures: readonly TaskRow[]
}

/** The series of the charts, one number per point; null if nothing was received or measured. */
export interface Series {
  /** The seconds per point. */
  readonly step: number
  /** The start of each point, seconds since the epoch. */
  readonly at: readonly number[]
  readonly received: readonly (number | null)[]
  readonly succeeded: readonly (number | null)[]
  readonly failed: readonly (number | null)[]
  readonly retried: readonly (number | null)[]
  readonly runtime50: readonly (number | null)[]
  readonly runtime95: readonly (number | null)[]
  readonly wait95: readonly (number | null)[]
}

/** Whether the task events of a worker arrive: they do, there are none although it works, or it has not worked yet. */
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
  /** Its own answers; undefined before it has answered. */
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

/** The oldest message waiting in a queue, as far as it can be determined without consuming one. */
export interface OldestMessage {
  /** Seconds since the epoch. */
  readonly at: number
  /** It was queued at that time, at that time or earlier, or at that time or later. */
  readonly came: 'at' | 'before' | 'after'
  /**
   * Known from the message's timestamp; from the events of senders whose task no worker has received; from the time when the
   * queue was empty.
   */
  readonly by: 'message' | 'senders' | 'depth'
}

/** A queue as the broker describes it. */
export interface QueueRow {
  readonly name: string
  readonly exists: boolean
  /** The node that hosts it is down. */
  readonly down: boolean
  readonly ready: number | undefined
  readonly consumers: number | undefined
  readonly unacknowledged: number | undefined
  /** Messages per second, if the management API reports them. */
  readonly published: number | undefined
  readonly delivered: number | undefined
  readonly type: string | undefined
  /** Undefined if nothing waits, and if nothing is known: then `oldestUnknown` says why. */
  readonly oldest: OldestMessage | undefined
  readonly oldestUnknown: string | undefined
  /** The values of `ready`, one per query, oldest first. */
  readonly depths: readonly number[]
  readonly kind: 'task' | 'failed' | 'quarantine' | 'suspects'
}

/** A queue as it is listed. */
export type DepthRow = Omit<QueueRow, 'oldest' | 'oldestUnknown'> & {
  /** When it was last seen empty, and the timestamp of its first message; seconds since the epoch. */
  readonly emptyAt: number | undefined
  readonly headTime: number | undefined
}

/** All queues that the configuration names or workers consume. */
export interface QueueList {
  /** When the broker was queried; seconds since the epoch. */
  readonly asked: number | undefined
  /** The seconds between two values of `depths`. */
  readonly every: number
  readonly error: string | undefined
  readonly queues: readonly QueueRow[]
}
