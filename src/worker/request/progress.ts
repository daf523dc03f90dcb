/**
 * What is done of a settlement. One that fails in the middle is tried again from its beginning: what is done is passed over
 * then, and what was made up for it (messages with new ids) is the same as before. A step that rejected is not done.
 */
export class Progress {
  readonly #done: Map<string, unknown>
  readonly #within: string
  /** The messages that the broker has confirmed. */
  readonly confirmed: Set<object>
  /** True once a refusal counts for good: it was tried again for long enough. */
  impatient = false

  constructor(whole?: Progress, within = '') {
    this.#done = whole === undefined ? new Map() : whole.#done
    this.confirmed = whole === undefined ? new Set() : whole.confirmed
    this.#within = within
  }

  /** The same progress, in which the names of steps are those of a part: there may be several like it. */
  within(part: string): Progress {
    return new Progress(this, `${this.#within}${part}/`)
  }

  /** True when this step is done. */
  has(step: string): boolean {
    return this.#done.has(this.#within + step)
  }

  /** What a step came to; undefined while it is not done. */
  outcomeOf<T>(step: string): T | undefined {
    return this.#done.get(this.#within + step) as T | undefined
  }

  /** Makes something up, once. */
  make<T>(step: string, make: () => T): T {
    if (this.has(step)) return this.outcomeOf(step) as T
    const made = make()
    this.#done.set(this.#within + step, made)
    return made
  }

  /** Carries out a step, unless it is done; resolves with what it came to. */
  async once<T>(step: string, work: () => Promise<T>): Promise<T> {
    if (this.has(step)) return this.outcomeOf(step) as T
    const came = await work()
    this.#done.set(this.#within + step, came)
    return came
  }
}

/** Waits for all of them, however they end, and rejects with the first failure: what goes on is known to be over then. */
export async function allOver<T>(steps: readonly Promise<T>[]): Promise<void> {
  for (const settled of await Promise.allSettled(steps)) if (settled.status === 'rejected') throw settled.reason
}
