/** When and how often a task is tried again. Durations are milliseconds or texts like `'30s'`. */
export interface RetryPolicy {
  /** How many retries follow the first attempt; Celery's `max_retries`. Default 3; `null` for no limit. */
  readonly limit?: number | null
  readonly delay?: {
    /** Before the first retry. Default 1 s. */
    readonly base?: number | string
    /** What each further delay is multiplied by. Default 2. */
    readonly factor?: number
    /** No delay is longer. Default 10 min. */
    readonly max?: number | string
    /** Choose at random between 0 and the delay. Default true. */
    readonly jitter?: boolean
  }
  /** Only errors that pass are retried: classes, names, or a predicate. Without it every error is. */
  readonly on?: RetryMatch | readonly RetryMatch[]
  /** Errors that pass are never retried, whatever `on` says. */
  readonly never?: RetryMatch | readonly RetryMatch[]
}

/** An error class, an error's name, or a predicate. */
export type RetryMatch = (new (...args: never[]) => Error) | string | ((error: unknown) => boolean)
