import type { Invocation } from '../tasks/attempt/invocation.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { Crew } from './crew.ts'
import type { Pool, PoolStats, RunOptions } from './pool.ts'

/** Threads or processes, and in addition this event loop for the few tasks that need the worker's connections. */
export class SplitPool implements Pool {
  readonly name = 'pool'
  readonly onEventLoop = false
  readonly #crew: Crew
  readonly #here: Pool
  readonly #isForHere: (task: string) => boolean

  constructor(crew: Crew, here: Pool, isForHere: (task: string) => boolean) {
    this.#crew = crew
    this.#here = here
    this.#isForHere = isForHere
  }

  get kind(): string {
    return this.#crew.kind
  }

  async start(): Promise<void> {
    await this.#crew.start()
  }

  async stop(options: { readonly deadline: AbortSignal }): Promise<void> {
    await Promise.all([this.#crew.stop(options), this.#here.stop(options)])
  }

  run(invocation: Invocation, options: RunOptions): Outcome | Promise<Outcome> {
    const pool = this.#isForHere(invocation.message.task) ? this.#here : this.#crew
    return pool.run(invocation, options)
  }

  resize(size: number): void {
    this.#crew.resize(size)
  }

  restart(): Promise<void> {
    return this.#crew.restart()
  }

  stats(): PoolStats {
    return this.#crew.stats()
  }
}
