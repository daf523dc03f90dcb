/** How a worker is and what it does at the moment; plain JSON. */
export type WorkerReport = Readonly<Record<string, unknown>> & {
  readonly live: boolean
  readonly ready: boolean
  /** The checks of readiness that fail. */
  readonly failing: readonly { readonly check: string; readonly why: string }[]
  /** How many tasks run, wait for a slot, and wait for their time. */
  readonly active: number
  readonly reserved: number
  readonly held: number
  /** How many attempts have ended. */
  readonly processed: number
}

/** A worker: takes tasks from its queues, runs them, sends the results back. */
export interface Worker {
  /** Its node name, as remote control and monitors show it. */
  readonly node: string
  /** Resolves when it consumes; rejects with the reason why it can't, once everything that it had started has stopped. */
  start(): Promise<void>
  /**
   * `warm` finishes what runs, `cold` aborts it; a second call skips ahead. Resolves when everything is given back and
   * closed: `forced` when an attempt had to be ended.
   */
  stop(kind: 'warm' | 'cold'): Promise<'clean' | 'forced'>
  /** Whether nothing is left to do: nothing waits in the queues and nothing is in hand. */
  isIdle(): Promise<boolean>
  /** How it is and what it does at the moment: plain JSON. */
  report(): WorkerReport
  /** Resolves when the worker has stopped, for any reason; rejects when a defect of twq stopped it. */
  readonly stopped: Promise<'clean' | 'forced'>
}
