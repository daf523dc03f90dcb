/** A message of a quarantine. */
export interface QuarantinedRow {
  readonly id: string | undefined
  readonly task: string | undefined
  readonly reason: string
  readonly detail: string
  /** ISO 8601. */
  readonly time: string
  readonly node: string
  readonly queue: string
  readonly starts: number | undefined
  readonly history: readonly string[]
  /** It was moved there by a worker: it can be replayed. */
  readonly replayable: boolean
  /** Its body as text, cut; undefined if arguments are hidden. */
  readonly body: string | undefined
}

/** The messages read from one quarantine. */
export interface QuarantineList {
  readonly queue: string
  /** The existing quarantines, by the queues they belong to. */
  readonly queues: readonly { readonly name: string; readonly ready: number }[]
  readonly messages: readonly QuarantinedRow[]
  readonly unseen: number
}

/** The outcome for the chosen messages. */
export interface SweepAnswer {
  readonly done: number
  readonly left: number
  /** Not moved there by a worker, and kept. */
  readonly foreign: number
  /** Those whose chords are over. */
  readonly inChords: number
}

/** A schedule. Moments are ISO 8601. */
export interface ScheduleRow {
  readonly name: string
  readonly task: string
  readonly when: string
  readonly state: string
  readonly source: string
  readonly next: string | undefined
  readonly lastSent: string | undefined
  readonly lastId: string | undefined
  /** The whole entry as JSON, without its arguments if those are hidden. */
  readonly definition: string
}

/** All schedules, or why there are none to show. */
export interface ScheduleListing {
  readonly leader: string | undefined
  readonly schedules: readonly ScheduleRow[]
  readonly unavailable: string | undefined
}

/** An action of a visitor. */
export interface AuditEntry {
  /** Seconds since the epoch. */
  readonly at: number
  readonly who: string
  /** As `replay`, `drop`, `trigger`, `login`. */
  readonly what: string
  readonly on: string
  readonly outcome: 'done' | 'refused' | 'failed'
  readonly detail: string | undefined
}

/** The actions of visitors, the latest one first. */
export interface AuditList {
  readonly since: number
  readonly entries: readonly AuditEntry[]
}
