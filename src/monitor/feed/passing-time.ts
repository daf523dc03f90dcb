import { isAlive } from '../../events/worker-state.ts'
import type { MonitorStore } from '../store/monitor-store.ts'
import type { Topic } from './changes.ts'

// The shortest step of a chart, in seconds.
const POINT = 10

/** Detects changes by time alone, without an event: falling rates, new points of charts, workers that have become silent. */
export class PassingTime {
  readonly #store: MonitorStore
  #rates = ''
  #point = 0
  #alive = ''

  constructor(store: MonitorStore) {
    this.#store = store
  }

  /** The topics that have changed since the last call; `now` is in seconds since the epoch. */
  changed(now: number): readonly Topic[] {
    const before = [this.#rates, this.#point, this.#alive]
    this.#rates = JSON.stringify([this.#store.rates(now), this.#store.durations(now)])
    this.#point = Math.floor(now / POINT)
    const alive = [...this.#store.workers.values()].filter((worker) => isAlive(worker, now))
    this.#alive = alive.map(({ hostname }) => hostname).join('\n')
    const topics = ['rates', 'charts', 'workers'] as const
    const after = [this.#rates, this.#point, this.#alive]
    return topics.filter((_, index) => before[index] !== after[index])
  }
}
