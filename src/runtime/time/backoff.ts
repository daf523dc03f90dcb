import type { Clock } from './clock.ts'

const FIRST_DELAY = 100
const EARLY_CAP = 1_500
const LATE_CAP = 5_000
const EARLY = 60_000

/**
 * Milliseconds to wait before attempt `attempt` (from 1) after `elapsed` milliseconds of attempts: doubles from 100 ms, at most
 * 1.5 s in the first minute and 5 s after it, with full jitter so that many workers do not reconnect at the same moment.
 */
export function retryDelay(attempt: number, elapsed: number, random: () => number): number {
  return delayUpTo(elapsed < EARLY ? EARLY_CAP : LATE_CAP, attempt, random)
}

function delayUpTo(cap: number, attempt: number, random: () => number): number {
  return Math.round(random() * Math.min(cap, FIRST_DELAY * 2 ** Math.min(attempt - 1, 10)))
}

/** Milliseconds without a failure after which the backoff restarts. */
const STEADY = 5_000

/** Consecutive failures of something that should stay up. Something that fails right after it starts is still failing. */
export class BackoffState {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #longest: number | undefined
  #failures = 0
  #since = 0
  #upSince: number | undefined

  /** With `longest`, in milliseconds, delays double up to that value, however short the series: for what can wait. */
  constructor(clock: Clock, random: () => number, { longest }: { readonly longest?: number } = {}) {
    this.#clock = clock
    this.#random = random
    this.#longest = longest
  }

  /** Failures so far. */
  get failures(): number {
    return this.#failures
  }

  /** Milliseconds since the first failure of the series. */
  get elapsed(): number {
    return this.#failures === 0 ? 0 : this.#clock.monotonic() - this.#since
  }

  /** Records that it works now. */
  up(): void {
    this.#upSince = this.#clock.monotonic()
  }

  /** Records a failure; returns the milliseconds to wait before the next attempt. */
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
