import type { StopRequest } from '../../runtime/process/process-signals.ts'
import type { WorkerReady } from '../worker/parent-link.ts'
import type { Generation } from './generation.ts'

/** What hears how one generation follows another. */
export interface SuccessionHearer {
  /** A generation took over: no other starts tasks any more. */
  ready(facts: WorkerReady, first: boolean): void
  /** A generation ended before it was ready; `served` when an earlier one goes on. */
  failed(how: string, served: boolean): void
  /** The serving generation ended, and nobody had asked it to. */
  lost(how: string): void
}

/**
 * Generations of a worker: a new one starts beside the one that serves and must be ready before that one drains, so there
 * is always one that serves as long as any could start.
 */
export class Succession {
  readonly #start: (number: number) => Generation
  readonly #hearer: SuccessionHearer
  readonly #alive = new Set<Generation>()
  #number = 0
  #starting: Generation | undefined
  #serving: Generation | undefined
  #wasReady = false
  #stopping = false

  constructor(start: (number: number) => Generation, hearer: SuccessionHearer) {
    this.#start = start
    this.#hearer = hearer
  }

  /** Starts the next generation; one that is still starting gives way. Resolves when it serves, or never will. */
  async next(): Promise<void> {
    if (this.#stopping) return
    this.#starting?.kill()
    this.#number += 1
    const generation = this.#start(this.#number)
    this.#starting = generation
    this.#alive.add(generation)
    void generation.ended.then((how) => this.#onEnded(generation, how))

    const facts = await generation.ready
    if (this.#starting !== generation || this.#stopping) return
    this.#starting = undefined
    if (facts === undefined) {
      this.#hearer.failed(await generation.ended, this.#serving !== undefined)
      return
    }
    const previous = this.#serving
    this.#serving = generation
    previous?.drain()
    await previous?.retired
    this.#hearer.ready(facts, !this.#wasReady)
    this.#wasReady = true
  }

  /** Has every generation end, more urgently with each request. Resolves when all have. */
  async stop(request: StopRequest): Promise<void> {
    this.#stopping = true
    for (const generation of this.#alive) {
      if (request === 'now' || generation === this.#starting) generation.kill()
      else if (request === 'cold') generation.abort()
      else generation.drain()
    }
    await Promise.all([...this.#alive].map(({ ended }) => ended))
  }

  #onEnded(generation: Generation, how: string): void {
    this.#alive.delete(generation)
    if (this.#serving !== generation) return
    this.#serving = undefined
    if (!this.#stopping) this.#hearer.lost(how)
  }
}
