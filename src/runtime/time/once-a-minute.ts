import type { Clock } from './clock.ts'

const MINUTE = 60_000

/**
 * Limits a log line to one a minute: `tell` is called at the first event, and then at the end of each minute in which there were
 * more, with the latest event and their number. The numbers add up to all events.
 */
export class OnceAMinute<T> {
  readonly #clock: Clock
  readonly #tell: (latest: T, times: number) => void
  #untold = 0
  #latest: T | undefined
  #isQuiet = false

  constructor(clock: Clock, tell: (latest: T, times: number) => void) {
    this.#clock = clock
    this.#tell = tell
  }

  /** Counts an event. */
  happened(latest: T): void {
    this.#untold += 1
    this.#latest = latest
    if (!this.#isQuiet) this.#tellNow()
  }

  #tellNow(): void {
    const [latest, times] = [this.#latest as T, this.#untold]
    this.#latest = undefined
    this.#untold = 0
    this.#isQuiet = true
    this.#clock.after(MINUTE, () => {
      this.#isQuiet = false
      if (this.#untold > 0) this.#tellNow()
    })
    this.#tell(latest, times)
  }
}
