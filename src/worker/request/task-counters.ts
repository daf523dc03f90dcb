import type { Clock } from '../../runtime/time/clock.ts'

/** How many attempts have started, by task. Only registered names are counted, so it stays small. */
export class TaskCounters {
  readonly #clock: Clock
  readonly #startedAt: number
  readonly #byTask = new Map<string, number>()
  #processed = 0

  constructor(clock: Clock) {
    this.#clock = clock
    this.#startedAt = clock.monotonic()
  }

  /** An attempt of this task starts. */
  started(task: string): void {
    this.#processed += 1
    this.#byTask.set(task, (this.#byTask.get(task) ?? 0) + 1)
  }

  /** All attempts so far. */
  get processed(): number {
    return this.#processed
  }

  /** Milliseconds since this counter was created. */
  get uptime(): number {
    return this.#clock.monotonic() - this.#startedAt
  }

  total(): Record<string, number> {
    return Object.fromEntries(this.#byTask)
  }
}
