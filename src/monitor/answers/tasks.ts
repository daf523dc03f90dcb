/** A part of a task that may be hidden: its arguments, its result, or its exception with the traceback. */
export type HiddenPart = 'args' | 'results' | 'errors'

/** A task as a row of a list. Times are seconds since the epoch, durations seconds, as in Celery's events. */
export interface TaskRow {
  readonly id: string
  readonly name: string | undefined
  /** Celery's state, or that of a custom event. */
  readonly state: string
  readonly worker: string | undefined
  /** When the event came that the state is from. */
  readonly at: number
  readonly received: number | undefined
  readonly started: number | undefined
  readonly runtime: number | undefined
  readonly retries: number | undefined
  /** The arguments as their sender wrote them, cut; undefined where they are hidden or were never told. */
  readonly args: string | undefined
  /** The exception of a task that failed or is tried again, cut; undefined where it is hidden. */
  readonly exception: string | undefined
  /** Since when nothing can be known of it: it was not at its end, and no worker has it any more. */
  readonly unknownSince: number | undefined
  /** Since when its worker has been silent, where the task is at work there. */
  readonly workerLostSince: number | undefined
}

/** A page of a list of tasks, those heard of last first. */
export interface TaskList {
  readonly tasks: readonly TaskRow[]
  /** How many pass the filter, and how many are remembered. */
  readonly matching: number
  readonly remembered: number
  /** What was not looked at, as a sentence. */
  readonly limitation?: string | undefined
  /** The `before` of the next page. */
  readonly next: string | undefined
  /** What the filters can choose among. */
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
  /** The exception of a failure or a retry; undefined where it is hidden. */
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
  /** Who keeps results, as `Redis`, and why it is the event's text that is shown; undefined where none are read. */
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
  /** How many events of it are older than the timeline. */
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
