import type { TaskState } from '../../events/task-state.ts'
import type { AuditEntry } from '../answers/actions.ts'
import type { Counts, Gap } from '../answers/cluster.ts'
import type { TaskQuery } from '../store/list-tasks.ts'
import type { ChartStep } from '../store/monitor-store.ts'
import type { TaskHistory } from '../store/task-history.ts'

/** A stored task, with its searchable text. */
export interface ArchivedTask {
  readonly state: TaskState
  readonly history: TaskHistory
  /** Without what is hidden. */
  readonly text: string
}

/** What is stored besides tasks. Times are seconds since the epoch. */
export interface ArchivedFacts {
  /** Until when events were processed. */
  readonly heardUntil: number
  /** Since when they were counted. */
  readonly since: number
  readonly totals: Counts
  /** The periods without events, the latest first. */
  readonly gaps: readonly Gap[]
}

/** What has changed since the last save. */
export interface ArchivedChanges {
  readonly tasks: readonly ArchivedTask[]
  readonly steps: readonly ChartStep[]
  readonly audit: readonly AuditEntry[]
}

/** Tasks that match a filter, and how many do, counted up to a limit. */
export interface ArchivePage {
  readonly tasks: readonly ArchivedTask[]
  readonly matching: number
  /** A sentence on what was not searched; undefined if everything was. */
  readonly limitation?: string | undefined
}

/** A request to the archive's thread. */
export type ArchiveRequest =
  | { readonly kind: 'open'; readonly file: string }
  | { readonly kind: 'save'; readonly changes: ArchivedChanges; readonly facts: ArchivedFacts }
  | { readonly kind: 'facts' }
  | { readonly kind: 'recent'; readonly limit: number }
  | { readonly kind: 'steps' }
  | { readonly kind: 'audit'; readonly limit: number }
  | { readonly kind: 'find'; readonly query: TaskQuery }
  | { readonly kind: 'task'; readonly id: string }
  | { readonly kind: 'count' }
  | { readonly kind: 'forget'; readonly before: number; readonly now: number }
  | { readonly kind: 'close' }
