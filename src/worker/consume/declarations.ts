import type { TwqError } from '../../errors.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import type { DeclaredQueue } from '../request/moments.ts'

interface Entry {
  declared?: DeclaredQueue
  /** Why it could not be declared, and never has been. */
  down?: TwqError
  told: Deferred<DeclaredQueue>
}

/** The types of the declared task queues, by name, for the parts of the worker that do not declare them themselves. */
export class Declarations {
  readonly #known = new Map<string, Entry>()

  /** A queue has been declared. */
  add(name: string, declared: DeclaredQueue): void {
    const entry = this.#entry(name)
    entry.declared = declared
    entry.told.resolve(declared)
  }

  /** A queue could not be declared, since its node is down. */
  down(name: string, error: TwqError): void {
    const entry = this.#entry(name)
    entry.down = error
    entry.told.reject(error)
    entry.told = untold()
  }

  /**
   * What a queue was when it was declared last; resolves once that has happened. Rejects where it is down and was never
   * declared.
   */
  async of(name: string): Promise<DeclaredQueue> {
    const entry = this.#entry(name)
    if (entry.declared === undefined && entry.down !== undefined) throw entry.down
    return entry.declared ?? (await entry.told.promise)
  }

  /** Whether one of these is a quorum queue, once each was declared or is known to be down. */
  async anyQuorum(names: readonly string[]): Promise<boolean> {
    const declared = await Promise.all(names.map((name) => this.of(name).catch(() => undefined)))
    return declared.some((queue) => queue?.quorum === true)
  }

  /** Whether a queue was a quorum queue when it was declared last; for one that never was, whether another was. */
  isQuorum(name: string): boolean {
    const known = this.#known.get(name)?.declared
    if (known !== undefined) return known.quorum
    return [...this.#known.values()].some(({ declared }) => declared?.quorum === true)
  }

  /** Whether the arguments of a queue name a dead-letter exchange, as it was when it was declared last; false for one that never was. */
  deadLetters(name: string): boolean {
    return this.#known.get(name)?.declared?.deadLetters === true
  }

  /** The names of the queues that order their messages by priority. */
  withPriorities(): ReadonlySet<string> {
    return new Set([...this.#known].flatMap(([name, { declared }]) => (declared?.priorities === true ? [name] : [])))
  }

  #entry(name: string): Entry {
    let entry = this.#known.get(name)
    if (entry === undefined) {
      entry = { told: untold() }
      this.#known.set(name, entry)
    }
    return entry
  }
}

function untold(): Deferred<DeclaredQueue> {
  const told = deferred<DeclaredQueue>()
  // A rejection reaches those who await it; without this handler it would end the process.
  told.promise.catch(() => {})
  return told
}
