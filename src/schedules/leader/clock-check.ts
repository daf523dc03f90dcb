import type { Clock } from '../../runtime/time/clock.ts'
import { MOST_AHEAD } from '../state/set-back.ts'

/** Finds out that a process stood still, or that its wall clock was set, by comparing its clocks with what they showed last. */
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
   * and from a clock that was set back the next lead begins anew. If it was set forward, it may be wrong, and what other workers announced
   * before counts as long silent by it; after a sleep of the machine, during which its monotonic clock may stand, it is right.
   */
  get trouble(): string | undefined {
    const stood = this.#clock.monotonic() - this.#monotonic
    if (stood > 2 * this.#heartbeat) {
      return `this process stood still for ${Math.round(stood)} ms, more than two heartbeats`
    }
    const set = this.#clock.now() - this.#wall - stood
    if (Math.abs(set) <= MOST_AHEAD) return undefined
    return `the clock was set ${set < 0 ? 'back' : 'forward'} by ${Math.round(Math.abs(set) / 1_000)} s`
  }
}
