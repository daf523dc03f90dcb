import type { Clock } from './clock.ts'

const MINUTE = 60_000

/**
 * Tells of what may happen often: the first time at once, then at most once a minute, with how often it has happened since. What
 * happens last is told too, at the end of its minute: the times that were told add up to all of them.
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

  /** It happened; `latest` is told of, unless it happens again before. */
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
