import { setImmediate } from 'node:timers/promises'
import type { Clock, Timer } from './clock.ts'
import { parseDuration } from './duration.ts'

/** A manually advanced clock for tests: timers fire while it advances, in the order of their times. */
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

  /**
   * Advances the clock, by milliseconds or `'1h'`, as a program would experience it: before each timer and after the last one,
   * pending promises get turns of the event loop. Throws a `RangeError` for an invalid duration.
   */
  async pass(duration: number | string): Promise<void> {
    const ms = parseDuration(duration)
    if (ms === undefined)
      throw new RangeError(`a duration is milliseconds or a text like '1h', got ${String(duration)}`)
    const end = this.#elapsed + ms
    for (;;) {
      await settled()
      const next = Math.min(...this.#timers.map(({ due }) => due))
      if (next > end) break
      this.advance(next - this.#elapsed)
    }
    this.advance(end - this.#elapsed)
  }

  /** Sets the wall clock forward, as an administrator or a sleeping laptop does; timers are not affected. */
  jump(ms: number): void {
    this.#now += ms
  }

  #move(ms: number): void {
    this.#now += ms
    this.#elapsed += ms
  }
}

// A message between a client, a broker and a worker in one process takes a turn or two per step.
const TURNS = 20

async function settled(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn += 1) await setImmediate()
}
