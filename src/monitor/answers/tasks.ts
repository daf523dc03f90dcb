/** A part of a task that may be hidden: its arguments, its result, or its exception with the traceback. */
export type HiddenPart = 'args' | 'results' | 'errors'

/** A task as a row of a list. Times are seconds since the epoch, durations seconds, as in Celery's events. */
export interface TaskRow {
  readonly id: string
  readonly name: string | undefined
  /** Celery's state, or that of a custom event. */
  readonly state: string
  readonly worker: string | undefined
  /** When the event arrived that the state is from. */
  readonly at: number
  readonly received: number | undefined
  readonly started: number | undefined
  readonly runtime: number | undefined
  readonly retries: number | undefined
  /** The arguments as their sender wrote them, cut; undefined if they are hidden or were never sent in an event. */
  readonly args: string | undefined
  /** The exception of a failed or retried task, cut; undefined if it is hidden. */
  readonly exception: string | undefined
  /** Since when its state is unknown: it had not ended, and no worker holds it any more. */
  readonly unknownSince: number | undefined
  /** Since when its worker has been silent, if the task is running there. */
  readonly workerLostSince: number | undefined
}

/** A page of a list of tasks, the most recently seen first. */
export interface TaskList {
  readonly tasks: readonly TaskRow[]
  /** How many match the filter, and how many are remembered. */
  readonly matching: number
  readonly remembered: number
  /** A sentence on what was not searched. */
  readonly limitation?: string | undefined
  /** The `before` of the next page. */
  readonly next: string | undefined
  /** The values that the filters offer. */
  readonly states: readonly string[]
  readonly names: readonly string[]
  readonly workers: readonly string[]
}

/** One event of a task. */
export interface TaskMoment {
  /** The event's type without `task-`: `started`. */
  readonly what: string
  readonly at: number
  readonly by: string
  /** The exception of a failure or a retry; undefined if it is hidden. */
  readonly note: string | undefined
}

/** One run of a task's code. */
export interface TaskAttempt {
  readonly number: number
  readonly worker: string
  readonly started: number
  readonly ended: number | undefined
  /** The event that ended it, as `succeeded` or `retried`; undefined while it runs. */
  readonly outcome: string | undefined
  readonly note: string | undefined
}

/** A value of a task as text. */
export interface TaskValue {
  readonly text: string
  /** An event has a shortened text, a result backend the value itself. */
  readonly from: 'event' | 'backend'
}

/** All that is known of one task. */
export interface TaskDetail extends TaskRow {
  readonly kwargs: string | undefined
  readonly result: TaskValue | undefined
  readonly traceback: TaskValue | undefined
  /**
   * The kind of backend that stores results, such as `Redis`, and why the event's text is shown instead; undefined if none are
   * read.
   */
  readonly kept: { readonly by: string; readonly problem: string | undefined } | undefined
  readonly eta: string | undefined
  readonly expires: string | undefined
  readonly queue: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
  readonly client: string | undefined
  readonly rootId: string | undefined
  readonly parentId: string | undefined
  readonly hidden: readonly HiddenPart[]
  readonly attempts: readonly TaskAttempt[]
  readonly timeline: readonly TaskMoment[]
  /** How many of its events are older than the timeline. */
  readonly omitted: number
}

/** A task of a workflow; its parent is the task that sent it. */
export interface TreeNode {
  readonly id: string
  readonly name: string | undefined
  readonly state: string
  readonly parentId: string | undefined
  readonly runtime: number | undefined
}

/** The tasks of one workflow that are remembered. */
export interface TaskTree {
  readonly rootId: string
  readonly nodes: readonly TreeNode[]
  /** There are more than are shown. */
  readonly cut: boolean
}
