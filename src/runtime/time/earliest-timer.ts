import type { Clock, Timer } from './clock.ts'

/** One timer for many deadlines, most of which are withdrawn before they come: it runs at the earliest one requested. */
export class EarliestTimer {
  readonly #clock: Clock
  readonly #run: () => void
  #timer: Timer | undefined
  #at = Number.POSITIVE_INFINITY

  /** `run` handles what is due and requests the timer again for the rest. */
  constructor(clock: Clock, run: () => void) {
    this.#clock = clock
    this.#run = run
  }

  /** Ensures that it runs no later than `moment` of the monotonic clock. */
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

  /** Cancels it until it is requested again. */
  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#at = Number.POSITIVE_INFINITY
  }
}
