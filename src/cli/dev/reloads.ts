import type { StopRequest } from '../../runtime/process/process-signals.ts'
import type { WorkerReady } from '../worker/parent-link.ts'
import type { DevWorker } from './dev-worker.ts'

/** Called when one worker replaces another. */
export interface ReloadsHearer {
  /** A worker took over: no other starts tasks any more. */
  ready(facts: WorkerReady, first: boolean): void
  /** A worker ended before it was ready; `served` when an earlier one goes on. */
  failed(how: string, served: boolean): void
  /** The serving worker ended without being asked to: it crashed, or was killed. */
  lost(how: string): void
}

/**
 * The workers of `twq dev`, one after the other: a new one starts beside the one that serves and must be ready before that one drains, so there
 * is always one that serves as long as any could start.
 */
export class Reloads {
  readonly #start: (number: number) => DevWorker
  readonly #hearer: ReloadsHearer
  readonly #alive = new Set<DevWorker>()
  #number = 0
  #starting: DevWorker | undefined
  #serving: DevWorker | undefined
  #wasReady = false
  #stopping = false

  constructor(start: (number: number) => DevWorker, hearer: ReloadsHearer) {
    this.#start = start
    this.#hearer = hearer
  }

  /** Starts the next worker; one that is still starting gives way. Resolves when it serves, or never will. */
  async next(): Promise<void> {
    if (this.#stopping) return
    this.#starting?.kill()
    this.#number += 1
    const worker = this.#start(this.#number)
    this.#starting = worker
    this.#alive.add(worker)
    void worker.ended.then((how) => this.#onEnded(worker, how))

    const facts = await worker.ready
    if (this.#starting !== worker || this.#stopping) return
    this.#starting = undefined
    if (facts === undefined) {
      this.#hearer.failed(await worker.ended, this.#serving !== undefined)
      return
    }
    const previous = this.#serving
    this.#serving = worker
    previous?.drain()
    await previous?.retired
    this.#hearer.ready(facts, !this.#wasReady)
    this.#wasReady = true
  }

  /** Has every worker end, more urgently with each request. Resolves when all have. */
  async stop(request: StopRequest): Promise<void> {
    this.#stopping = true
    for (const worker of this.#alive) {
      if (request === 'now' || worker === this.#starting) worker.kill()
      else if (request === 'cold') worker.abort()
      else worker.drain()
    }
    await Promise.all([...this.#alive].map(({ ended }) => ended))
  }

  #onEnded(worker: DevWorker, how: string): void {
    this.#alive.delete(worker)
    if (this.#serving !== worker) return
    this.#serving = undefined
    if (!this.#stopping) this.#hearer.lost(how)
  }
}
