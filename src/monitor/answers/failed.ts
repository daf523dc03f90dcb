/** A task that failed permanently and whose message is kept. Times are ISO 8601. */
export interface FailedRow {
  readonly id: string | undefined
  readonly task: string | undefined
  /** The type of its last error, its message, and its traceback; the latter two are empty if errors are hidden. */
  readonly error: string
  readonly detail: string
  readonly traceback: string | undefined
  readonly time: string
  readonly started: string | undefined
  readonly node: string
  readonly attempts: number
  /** How often it was already run again by hand. */
  readonly rerun: number
  readonly first: { readonly error: string; readonly detail: string } | undefined
  /** Its arguments as JSON; undefined if they are hidden, very long, unreadable, or were not kept. */
  readonly args: string | undefined
  /**
   * How edited arguments are checked before the task runs again: by its schema, or by the names that it declares; undefined if
   * the monitor does not know the task.
   */
  readonly checkedBy: 'schema' | 'names' | undefined
  /** `headers`: it was kept without its arguments, and can't run again. */
  readonly kept: 'whole' | 'headers'
}

/** The failures read from one queue. */
export interface FailedList {
  readonly queue: string
  /** The existing queues of failures, by the queues they belong to. */
  readonly queues: readonly { readonly name: string; readonly ready: number }[]
  readonly messages: readonly FailedRow[]
  readonly unseen: number
}

/** The outcome for the chosen failures. */
export interface FailedAnswer {
  readonly done: number
  /** Those kept because they can't run again, and the reason for the first one. */
  readonly refused: number
  readonly reason: string | undefined
  /** Those that counted for chords, which are over. */
  readonly withoutChord: number
}
