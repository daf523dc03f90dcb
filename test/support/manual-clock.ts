import type { Clock, Timer } from '../../src/runtime/clock.ts'

/** A clock moved by hand: timers fire while it advances, in the order of their times. */
export class ManualClock implements Clock {
  #now: number
  #elapsed = 0
  #timers: { due: number; run: () => void }[] = []

  constructor(now = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#elapsed
  }

  after(ms: number, run: () => void): Timer {
    const timer = { due: this.#elapsed + Math.max(ms, 0), run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  /** Lets `ms` milliseconds pass. */
  advance(ms: number): void {
    const end = this.#elapsed + ms
    for (;;) {
      const next = this.#timers.filter((timer) => timer.due <= end).sort((a, b) => a.due - b.due)[0]
      if (next === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== next)
      this.#move(next.due - this.#elapsed)
      next.run()
    }
    this.#move(end - this.#elapsed)
  }

  /** Sets the wall clock ahead, as an administrator or a sleeping laptop does; no timer notices. */
  jump(ms: number): void {
    this.#now += ms
  }

  #move(ms: number): void {
    this.#now += ms
    this.#elapsed += ms
  }
}
