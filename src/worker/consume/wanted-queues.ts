import type { TaskQueue } from '../../protocol/queue/task-queue.ts'

/** The task queues that a worker should consume, with or without a connection. */
export class WantedQueues {
  readonly #queues: Map<string, TaskQueue>
  /** Those that are not consumed for now. */
  readonly #suspended = new Set<string>()
  /** Those of which the log says that the broker ended their consumer, and not yet that there is one again. */
  readonly missed = new Set<string>()
  /** True while none is consumed. */
  paused = false
  /** True once none is consumed any more. */
  stopped = false

  constructor(queues: readonly TaskQueue[]) {
    this.#queues = new Map(queues.map((queue) => [queue.name, queue]))
  }

  all(): TaskQueue[] {
    return [...this.#queues.values()]
  }

  get(name: string): TaskQueue | undefined {
    return this.#queues.get(name)
  }

  add(queue: TaskQueue): void {
    this.#queues.set(queue.name, queue)
  }

  /** False if it was not there. */
  remove(name: string): boolean {
    return this.#queues.delete(name)
  }

  suspend(name: string): void {
    this.#suspended.add(name)
  }

  unsuspend(name: string): void {
    this.#suspended.delete(name)
  }

  /** Whether a queue should be consumed now. */
  includes(name: string): boolean {
    return !this.paused && this.#queues.has(name) && !this.#suspended.has(name)
  }
}
