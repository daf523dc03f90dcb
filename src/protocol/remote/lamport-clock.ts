/** Lamport's logical clock, one for all messages of a node: it orders them without wall clocks. */
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
    if (!Number.isSafeInteger(other)) return
    this.#value = Math.max(this.#value, other) + 1
  }
}
