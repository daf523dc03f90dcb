import type { Clock } from './clock.ts'

/** Texts that are forgotten after a while, or when there are too many: the oldest first. */
export class ExpiringSet {
  readonly #clock: Clock
  readonly #limit: number
  readonly #lifetime: number
  /** Oldest first; the values are the moments of adding, in milliseconds since the epoch. */
  readonly #members = new Map<string, number>()

  /** `lifetime` is in milliseconds. */
  constructor(clock: Clock, options: { readonly limit: number; readonly lifetime: number }) {
    this.#clock = clock
    this.#limit = options.limit
    this.#lifetime = options.lifetime
  }

  get size(): number {
    return this.#members.size
  }

  /** Adds a member as of now, or as of a moment before. */
  add(member: string, at: number = this.#clock.now()): void {
    this.#members.delete(member)
    this.#members.set(member, at)
    this.#purge()
  }

  has(member: string): boolean {
    const at = this.#members.get(member)
    return at !== undefined && !this.#isOver(at)
  }

  /** Takes a member out; false when it was not there any more. */
  delete(member: string): boolean {
    const had = this.has(member)
    this.#members.delete(member)
    return had
  }

  /** The members with the moments at which they were added, oldest first. */
  entries(): [member: string, at: number][] {
    this.#purge()
    return [...this.#members].filter(([, at]) => !this.#isOver(at))
  }

  #purge(): void {
    for (const [member, at] of this.#members) {
      if (this.#members.size <= this.#limit && !this.#isOver(at)) return
      this.#members.delete(member)
    }
  }

  #isOver(at: number): boolean {
    return at + this.#lifetime <= this.#clock.now()
  }
}
