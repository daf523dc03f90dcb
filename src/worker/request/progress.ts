/**
 * The completed steps of a settlement. If it fails in the middle, it is repeated from the start: completed steps are then
 * skipped, and values generated for them (messages with new ids) are the same as before. A step that rejected is not complete.
 */
export class Progress {
  readonly #done: Map<string, unknown>
  readonly #within: string
  readonly #otherRunMaySend: () => boolean
  /** The messages that the broker has confirmed. */
  readonly confirmed: Set<object>
  /** True once a refusal is final: it was retried for long enough. */
  impatient = false

  /** `otherRunMaySend` tells, each time, what the property of this name is. */
  constructor(otherRunMaySend: () => boolean = () => false, whole?: Progress, within = '') {
    this.#done = whole === undefined ? new Map() : whole.#done
    this.confirmed = whole === undefined ? new Set() : whole.confirmed
    this.#within = within
    this.#otherRunMaySend = otherRunMaySend
  }

  /** Whether another run of the attempt may send, or have sent, the messages of this settlement as well. */
  get otherRunMaySend(): boolean {
    return this.#otherRunMaySend()
  }

  /** The same progress, with the step names of a part, of which there may be several alike. */
  within(part: string): Progress {
    return new Progress(this.#otherRunMaySend, this, `${this.#within}${part}/`)
  }

  /** True if this step is complete. */
  has(step: string): boolean {
    return this.#done.has(this.#within + step)
  }

  /** The result of a step; undefined if it is not complete. */
  outcomeOf<T>(step: string): T | undefined {
    return this.#done.get(this.#within + step) as T | undefined
  }

  /** Generates a value, once. */
  make<T>(step: string, make: () => T): T {
    if (this.has(step)) return this.outcomeOf(step) as T
    const made = make()
    this.#done.set(this.#within + step, made)
    return made
  }

  /** Executes a step, unless it is complete; resolves with its result. */
  async once<T>(step: string, work: () => Promise<T>): Promise<T> {
    if (this.has(step)) return this.outcomeOf(step) as T
    const came = await work()
    this.#done.set(this.#within + step, came)
    return came
  }
}

/** Waits for all of them, however they end, and rejects with the first failure: all work is known to be over then. */
export async function allOver<T>(steps: readonly Promise<T>[]): Promise<void> {
  for (const settled of await Promise.allSettled(steps)) if (settled.status === 'rejected') throw settled.reason
}
