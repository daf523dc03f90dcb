/** The messages that are currently being set aside, moved or returned. */
export class InFlight {
  #underway = 0
  #closed = false
  #idle: (() => void)[] = []

  /** True once the worker accepts no more: from then on, what has not started is returned. */
  get closed(): boolean {
    return this.#closed
  }

  /** See `closed`. */
  close(): void {
    this.#closed = true
  }

  /** Counts a move until it is done; `move` never rejects. */
  track(move: Promise<void>): void {
    this.#underway += 1
    void move.finally(() => {
      this.#underway -= 1
      if (this.#underway === 0) for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  /** Resolves when nothing is being moved. */
  async idle(): Promise<void> {
    if (this.#underway > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }
}
