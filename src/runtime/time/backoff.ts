import type { Clock } from './clock.ts'

const FIRST_DELAY = 100
const EARLY_CAP = 1_500
const LATE_CAP = 5_000
const EARLY = 60_000

/**
 * Milliseconds to wait before try `attempt` (from 1) when trying has gone on for `elapsed` milliseconds: doubling from
 * 100 ms, at most 1.5 s in the first minute and 5 s after it, with full jitter so that a fleet does not return as one.
 */
export function retryDelay(attempt: number, elapsed: number, random: () => number): number {
  return delayUpTo(elapsed < EARLY ? EARLY_CAP : LATE_CAP, attempt, random)
}

function delayUpTo(cap: number, attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(cap, FIRST_DELAY * 2 ** Math.min(attempt - 1, 10)))
}

/** Milliseconds without a failure after which the backoff starts anew. */
const STEADY = 5_000

/** Failures in a row of something that should stay up. Something that comes up and falls over at once is still failing. */
export class BackoffState {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #longest: number | undefined
  #failures = 0
  #since = 0
  #upSince: number | undefined

  /** With `longest`, in milliseconds, the delays double up to that, however short the row: for what can wait. */
  constructor(clock: Clock, random: () => number, { longest }: { readonly longest?: number } = {}) {
    this.#clock = clock
    this.#random = random
    this.#longest = longest
  }

  /** Failures so far. */
  get failures(): number {
    return this.#failures
  }

  /** Milliseconds since the first failure of the row. */
  get elapsed(): number {
    return this.#failures === 0 ? 0 : this.#clock.monotonic() - this.#since
  }

  /** It works, for now. */
  up(): void {
    this.#upSince = this.#clock.monotonic()
  }

  /** It failed; returns the milliseconds to wait before the next try. */
  failed(): number {
    const now = this.#clock.monotonic()
    if (this.#upSince !== undefined && now - this.#upSince >= STEADY) this.#failures = 0
    this.#upSince = undefined
    if (this.#failures === 0) this.#since = now
    this.#failures += 1
    if (this.#longest !== undefined) return delayUpTo(this.#longest, this.#failures, this.#random)
    return retryDelay(this.#failures, now - this.#since, this.#random)
  }
}
