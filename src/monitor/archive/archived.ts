import type { TaskState } from '../../events/task-state.ts'
import type { Counts } from '../answers/cluster.ts'
import type { TaskQuery } from '../store/list-tasks.ts'
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
}

/** Tasks that pass a filter, and how many do, counted up to a bound. */
export interface ArchivePage {
  readonly tasks: readonly ArchivedTask[]
  readonly matching: number
}

/** What the thread of the archive is asked to do. */
export type ArchiveRequest =
  | { readonly kind: 'open'; readonly file: string }
  | { readonly kind: 'save'; readonly tasks: readonly ArchivedTask[]; readonly facts: ArchivedFacts }
  | { readonly kind: 'facts' }
  | { readonly kind: 'recent'; readonly limit: number }
  | { readonly kind: 'find'; readonly query: TaskQuery }
  | { readonly kind: 'task'; readonly id: string }
  | { readonly kind: 'count' }
  | { readonly kind: 'forget'; readonly before: number }
  | { readonly kind: 'close' }
