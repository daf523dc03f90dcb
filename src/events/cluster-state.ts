import { type CeleryEvent, splitType } from '../protocol/read-event.ts'
import { type TaskView, taskAfter } from './task-view.ts'
import { type WorkerView, workerAfter } from './worker-view.ts'

/** How much is remembered: the longest untouched go first. Celery's own bounds by default. */
export interface ClusterBounds {
  readonly workers?: number
  readonly tasks?: number
}

const MOST_WORKERS = 5_000
const MOST_TASKS = 10_000

/**
 * What the events so far say of workers and tasks, as Celery's `celery.events.state.State` computes it. Depends on the
 * events alone: time is that of their arrival.
 */
export class ClusterState {
  readonly #workers = new Map<string, WorkerView>()
  readonly #tasks = new Map<string, TaskView>()
  readonly #bounds: Required<ClusterBounds>

  constructor({ workers = MOST_WORKERS, tasks = MOST_TASKS }: ClusterBounds = {}) {
    this.#bounds = { workers, tasks }
  }

  /** By node name, those heard of last at the end. */
  get workers(): ReadonlyMap<string, WorkerView> {
    return this.#workers
  }

  /** By id, those heard of last at the end. */
  get tasks(): ReadonlyMap<string, TaskView> {
    return this.#tasks
  }

  /** Takes one event in. Those that are neither of a worker nor of a task change nothing. */
  apply(event: CeleryEvent): void {
    const [group, subject] = splitType(event.type)
    if (group === 'task' && event.uuid !== undefined) {
      this.#put(this.#tasks, event.uuid, taskAfter(this.#tasks.get(event.uuid), event), this.#bounds.tasks)
      // A client is no worker.
      if (subject === 'sent') return
    } else if (group !== 'worker') {
      return
    }
    const known = this.#workers.get(event.hostname)
    // One that nobody knew has left: no reason to remember it.
    if (known === undefined && event.type === 'worker-offline') return
    this.#put(this.#workers, event.hostname, workerAfter(known, event), this.#bounds.workers)
  }

  #put<T>(map: Map<string, T>, key: string, value: T, most: number): void {
    map.delete(key)
    map.set(key, value)
    if (map.size <= most) return
    const [oldest] = map.keys()
    map.delete(oldest as string)
  }
}
