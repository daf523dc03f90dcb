import type { Clock } from './clock.ts'

/** Texts that expire after a while, or when the set exceeds its count or bytes: the oldest first. */
export class ExpiringSet {
  readonly #now: () => number
  readonly #limit: number
  readonly #lifetime: number
  readonly #mostBytes: number
  #bytes = 0
  /** Oldest first; the values are the times of adding. */
  readonly #members = new Map<string, number>()

  /**
   * `lifetime` is in milliseconds; `bytes` are those of the texts in UTF-8. Times are those of the wall clock, milliseconds since the epoch,
   * which outlive the process; or `monotonic`: then no member expires because that clock is set.
   */
  constructor(
    clock: Clock,
    options: {
      readonly limit: number
      readonly lifetime: number
      readonly bytes?: number
      readonly time?: 'wall' | 'monotonic'
    },
  ) {
    this.#now = options.time === 'monotonic' ? () => clock.monotonic() : () => clock.now()
    this.#limit = options.limit
    this.#lifetime = options.lifetime
    this.#mostBytes = options.bytes ?? Number.POSITIVE_INFINITY
  }

  get size(): number {
    return this.#members.size
  }

  /** Adds a member as of now, or as of an earlier time. */
  add(member: string, at: number = this.#now()): void {
    this.#remove(member)
    this.#members.set(member, at)
    if (this.#counts) this.#bytes += Buffer.byteLength(member)
    this.#purge()
  }

  has(member: string): boolean {
    const at = this.#members.get(member)
    return at !== undefined && !this.#isOver(at)
  }

  /** Removes a member; false if it was not in the set any more. */
  delete(member: string): boolean {
    const had = this.has(member)
    this.#remove(member)
    return had
  }

  /** The members with the times at which they were added, oldest first. */
  entries(): [member: string, at: number][] {
    this.#purge()
    return [...this.#members].filter(([, at]) => !this.#isOver(at))
  }

  #purge(): void {
    for (const [member, at] of this.#members) {
      const fits = this.#members.size <= this.#limit && this.#bytes <= this.#mostBytes
      if (fits && !this.#isOver(at)) return
      this.#remove(member)
    }
  }

  #remove(member: string): void {
    if (this.#members.delete(member) && this.#counts) this.#bytes -= Buffer.byteLength(member)
  }

  get #counts(): boolean {
    return this.#mostBytes !== Number.POSITIVE_INFINITY
  }

  #isOver(at: number): boolean {
    return at + this.#lifetime <= this.#now()
  }
}
