import type { Clock, Timer } from './clock.ts'

/** One timer for many moments, of which most are withdrawn before they come: it runs at the earliest that was asked for. */
export class EarliestTimer {
  readonly #clock: Clock
  readonly #run: () => void
  #timer: Timer | undefined
  #at = Number.POSITIVE_INFINITY

  /** `run` looks at what is due, and asks anew for what is not. */
  constructor(clock: Clock, run: () => void) {
    this.#clock = clock
    this.#run = run
  }

  /** Has it run at `moment` of the monotonic clock, unless it runs before. */
  notAfter(moment: number): void {
    if (moment >= this.#at) return
    this.#timer?.cancel()
    this.#at = moment
    this.#timer = this.#clock.after(Math.max(0, moment - this.#clock.monotonic()), () => {
      this.#timer = undefined
      this.#at = Number.POSITIVE_INFINITY
      this.#run()
    })
  }

  /** Has it not run any more, until it is asked anew. */
  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
  }
}
