import type { TaskState } from '../../events/task-state.ts'
import type { AuditEntry } from '../answers/actions.ts'
import type { Counts, Gap } from '../answers/cluster.ts'
import type { TaskQuery } from '../store/list-tasks.ts'
import type { ChartStep } from '../store/monitor-store.ts'
import type { TaskHistory } from '../store/task-history.ts'

/** A task as it is kept, with the text that it is found by. */
export interface ArchivedTask {
  readonly state: TaskState
  readonly history: TaskHistory
  /** Without what is hidden. */
  readonly text: string
}

/** What is kept besides tasks. Times are seconds since the epoch. */
export interface ArchivedFacts {
  /** Until when events were taken in. */
  readonly heardUntil: number
  /** Since when they were counted. */
  readonly since: number
  readonly totals: Counts
  /** When nothing could be heard, the last first. */
  readonly gaps: readonly Gap[]
}

/** What has changed since it was saved last. */
export interface ArchivedChanges {
  readonly tasks: readonly ArchivedTask[]
  readonly steps: readonly ChartStep[]
  readonly audit: readonly AuditEntry[]
}

/** Tasks that pass a filter, and how many do, counted up to a bound. */
export interface ArchivePage {
  readonly tasks: readonly ArchivedTask[]
  readonly matching: number
  /** What was not looked at, as a sentence; undefined where everything was. */
  readonly limitation?: string | undefined
}

/** What the thread of the archive is asked to do. */
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
