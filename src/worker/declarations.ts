import { type Deferred, deferred } from '../runtime/deferred.ts'
import type { DeclaredQueue } from './declare-queue.ts'

/** What the task queues are, by name, as the broker has them: for whoever does not declare them. */
export class Declarations {
  readonly #known = new Map<string, { declared?: DeclaredQueue; readonly told: Deferred<DeclaredQueue> }>()

  /** A queue has been declared. */
  add(name: string, declared: DeclaredQueue): void {
    const entry = this.#entry(name)
    entry.declared = declared
    entry.told.resolve(declared)
  }

  /** What a queue was when it was declared last; resolves once that has happened. */
  async of(name: string): Promise<DeclaredQueue> {
    const entry = this.#entry(name)
    return entry.declared ?? (await entry.told.promise)
  }

  /** The names of those that heed priorities. */
  withPriorities(): ReadonlySet<string> {
    return new Set([...this.#known].flatMap(([name, { declared }]) => (declared?.priorities === true ? [name] : [])))
  }

  #entry(name: string) {
    let entry = this.#known.get(name)
    if (entry === undefined) {
      entry = { told: deferred() }
      this.#known.set(name, entry)
    }
    return entry
  }
}
