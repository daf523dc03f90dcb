/** A worker's current state; plain JSON. */
export type WorkerReport = Readonly<Record<string, unknown>> & {
  readonly live: boolean
  readonly ready: boolean
  /** The failing checks of readiness. */
  readonly failing: readonly { readonly check: string; readonly why: string }[]
  /** How many tasks run, wait for a slot, and wait for their ETA. */
  readonly active: number
  readonly reserved: number
  readonly held: number
  /** How many attempts have ended. */
  readonly processed: number
}

/** A worker: takes tasks from its queues, runs them, sends the results back. */
export interface Worker {
  /** Its node name in remote control and monitors. */
  readonly node: string
  /** Resolves when it consumes; rejects with the reason if it can't, once everything that it had started has stopped. */
  start(): Promise<void>
  /**
   * `warm` finishes running tasks, `cold` aborts them; a second call skips ahead. Resolves when everything is returned and
   * closed: `forced` if an attempt had to be ended.
   */
  stop(kind: 'warm' | 'cold'): Promise<'clean' | 'forced'>
  /** Whether nothing is left to do: nothing waits in the queues and nothing is in hand. */
  isIdle(): Promise<boolean>
  /** Its current state: plain JSON. */
  report(): WorkerReport
  /** Resolves when the worker has stopped for any reason; rejects if an internal error stopped it. */
  readonly stopped: Promise<'clean' | 'forced'>
}
