import type { Clock } from '../../runtime/time/clock.ts'
import { MOST_AHEAD } from '../state/set-back.ts'

/** Finds out that a process stood still, or that its wall clock was set back, by comparing its clocks with what they showed last. */
export class ClockCheck {
  readonly #clock: Clock
  readonly #heartbeat: number
  #monotonic: number
  #wall: number

  constructor(clock: Clock, heartbeat: number) {
    this.#clock = clock
    this.#heartbeat = heartbeat
    this.#monotonic = clock.monotonic()
    this.#wall = clock.now()
  }

  /** Notes what the clocks show: the event loop runs. */
  note(): void {
    this.#monotonic = this.#clock.monotonic()
    this.#wall = this.#clock.now()
  }

  /**
   * Why a lead is over, if it is: after a stand-still of two heartbeats the broker may have given the state to another, whatever it has said;
   * and from a clock that was set back the next lead begins anew.
   */
  get trouble(): string | undefined {
    const stood = this.#clock.monotonic() - this.#monotonic
    if (stood > 2 * this.#heartbeat) {
      return `this process stood still for ${Math.round(stood)} ms, more than two heartbeats`
    }
    const back = this.#wall - this.#clock.now()
    return back > MOST_AHEAD ? `the clock was set back by ${Math.round(back / 1_000)} s` : undefined
  }
}
