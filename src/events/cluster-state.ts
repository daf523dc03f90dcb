import { type CeleryEvent, splitType } from '../protocol/remote/read-event.ts'
import { BoundedViews } from './bounded-views.ts'
import { type TaskState, taskAfter } from './task-state.ts'
import { type WorkerState, workerAfter } from './worker-state.ts'

/** How much is remembered: the longest untouched go first. Of numbers, Celery's own bounds by default. */
export interface ClusterBounds {
  readonly workers?: number
  readonly tasks?: number
  /** About how many bytes of memory all tasks hold together, and all workers. Default 64 MiB for either. */
  readonly bytes?: number
}

const MOST_WORKERS = 5_000
const MOST_TASKS = 10_000
const MOST_BYTES = 64 * 1024 * 1024

/**
 * The state of workers and tasks by their events so far, as Celery's `celery.events.state.State` computes it. Depends on the
 * events alone: time is that of their arrival. It holds at most twice `bytes`, 128 MiB by default: texts of
 * more than 10,000 characters are cut, and the longest untouched workers and tasks are forgotten.
 */
export class ClusterState {
  readonly #workers: BoundedViews<WorkerState>
  readonly #tasks: BoundedViews<TaskState>

  constructor({ workers = MOST_WORKERS, tasks = MOST_TASKS, bytes = MOST_BYTES }: ClusterBounds = {}) {
    this.#workers = new BoundedViews(workers, bytes)
    this.#tasks = new BoundedViews(tasks, bytes)
  }

  /** By node name, ordered by their last event. */
  get workers(): ReadonlyMap<string, WorkerState> {
    return this.#workers.views
  }

  /** By id, ordered by their last event. */
  get tasks(): ReadonlyMap<string, TaskState> {
    return this.#tasks.views
  }

  /** How many workers and tasks were forgotten because what events say of them was too large; not those beyond their numbers. */
  get forgotten(): number {
    return this.#workers.forgotten + this.#tasks.forgotten
  }

  /** Takes a task in as it was known before, by another state that was kept. */
  restore(task: TaskState): void {
    this.#tasks.put(task.uuid, task)
  }

  /** Takes one event in. One that is neither of a worker nor of a task changes nothing. */
  apply(event: CeleryEvent): void {
    const [group, subject] = splitType(event.type)
    if (group === 'task' && event.uuid !== undefined) {
      this.#tasks.put(event.uuid, taskAfter(this.tasks.get(event.uuid), event))
      // A client is no worker.
      if (subject === 'sent') return
    } else if (group !== 'worker') {
      return
    }
    const known = this.workers.get(event.hostname)
    // An unknown worker has left: no reason to remember it.
    if (known === undefined && event.type === 'worker-offline') return
    this.#workers.put(event.hostname, workerAfter(known, event))
  }
}
