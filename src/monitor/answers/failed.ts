/** A task that failed for good, and whose message is kept. Moments are ISO 8601. */
export interface FailedRow {
  readonly id: string | undefined
  readonly task: string | undefined
  /** The type of its last error, what that says, and its traceback; the latter two are empty where errors are hidden. */
  readonly error: string
  readonly detail: string
  readonly traceback: string | undefined
  readonly time: string
  readonly started: string | undefined
  readonly node: string
  readonly attempts: number
  /** How often it was run again by hand before. */
  readonly rerun: number
  readonly first: { readonly error: string; readonly detail: string } | undefined
  /** Its arguments as JSON; undefined where they are hidden, very long, can't be read, or were not kept. */
  readonly args: string | undefined
  /** What other arguments are checked by before the task runs again: its schema, or the names that it declares; undefined where the monitor does not know the task. */
  readonly checkedBy: 'schema' | 'names' | undefined
  /** `headers`: it was kept without its arguments, and can't run again. */
  readonly kept: 'whole' | 'headers'
}

/** The failures of one queue that were looked at. */
export interface FailedList {
  readonly queue: string
  /** The queues of failures that there are, by the queues they belong to. */
  readonly queues: readonly { readonly name: string; readonly ready: number }[]
  readonly messages: readonly FailedRow[]
  readonly unseen: number
}

/** What became of the failures that were chosen. */
export interface FailedAnswer {
  readonly done: number
  /** Those that stay since they can't run again, and why the first one can't. */
  readonly refused: number
  readonly reason: string | undefined
  /** Those that counted for chords, which are over. */
  readonly withoutChord: number
}
