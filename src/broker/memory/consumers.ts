import type { Entry } from './ready-messages.ts'

/** A consumer, as its queue sees it. */
export interface Consumer {
  readonly exclusive: boolean
  /** Higher ones are served first while they have room. */
  readonly priority: number
  /** False while its prefetch is used up or its connection is backed up. */
  hasRoom(): boolean
  deliver(entry: Entry): void
  /** Told when the queue goes away under it. */
  cancelled(): void
}

/** The consumers of one queue, in the order in which they are served: by priority, and round robin among equals. */
export class Consumers {
  readonly #singleActive: boolean
  #order: Consumer[] = []
  #active: Consumer | undefined

  /** `singleActive`: one is served until it leaves, then the next. */
  constructor(singleActive: boolean) {
    this.#singleActive = singleActive
  }

  get count(): number {
    return this.#order.length
  }

  get takenExclusively(): boolean {
    return this.#order.some((consumer) => consumer.exclusive)
  }

  add(consumer: Consumer): void {
    const lower = this.#order.findIndex((other) => other.priority < consumer.priority)
    this.#order.splice(lower === -1 ? this.#order.length : lower, 0, consumer)
  }

  remove(consumer: Consumer): boolean {
    const index = this.#order.indexOf(consumer)
    if (index === -1) return false
    this.#order.splice(index, 1)
    if (this.#active === consumer) this.#active = undefined
    return true
  }

  /** The one whose turn it is among those with room. */
  next(): Consumer | undefined {
    if (this.#singleActive) {
      this.#active ??= this.#order[0]
      return this.#active?.hasRoom() ? this.#active : undefined
    }
    const chosen = this.#order.find((consumer) => consumer.hasRoom())
    if (chosen !== undefined && this.#order.length > 1) {
      this.remove(chosen)
      this.add(chosen)
    }
    return chosen
  }

  /** Empties the list and returns its consumers. */
  removeAll(): Consumer[] {
    const all = this.#order
    this.#order = []
    this.#active = undefined
    return all
  }
}
