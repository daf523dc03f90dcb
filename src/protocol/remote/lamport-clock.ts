/** Larger stamps are no count of messages. */
const LARGEST = 2 ** 52

/**
 * Lamport's logical clock, one for all messages of a node: it orders them without wall clocks. Its value stays an exact integer:
 * a stamp above 2^52 is ignored, since from 2^53 on adding one to a number does not change it.
 */
export class LamportClock {
  #value = 0

  get value(): number {
    return this.#value
  }

  /** The stamp of the next message sent. */
  tick(): number {
    this.#value += 1
    return this.#value
  }

  /** Records an incoming message with stamp `other`. */
  adjust(other: number): void {
    if (!Number.isInteger(other) || other > LARGEST) return
    this.#value = Math.max(this.#value, other) + 1
  }
}
