/** Insertions for which one iterator is kept: as long as it is, V8 keeps every earlier table of the `Map`. */
const LIFE = 256

/**
 * A `Map` in the order in which its entries were last put, whose oldest entry is found in constant time. An iterator that starts
 * at the beginning of a `Map` passes the places of all entries removed there since V8 last rebuilt the table: for 100,000
 * entries up to 100,000 places, each time. Here an iterator goes on where it was.
 */
export class TouchOrder<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  #oldest: Iterator<[Key, Value]> | undefined
  #untilAnother = LIFE

  /** The oldest first. */
  get entries(): ReadonlyMap<Key, Value> {
    return this.#entries
  }

  /** Sets an entry, as the last one. */
  put(key: Key, value: Value): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    this.#untilAnother -= 1
    if (this.#untilAnother > 0) return
    this.#untilAnother = LIFE
    this.#oldest = undefined
  }

  /** Removes an entry; false if there is none. */
  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  /** Removes and returns the entry that was put longest ago; undefined if there is none. */
  shift(): readonly [Key, Value] | undefined {
    if (this.#entries.size === 0) return undefined
    this.#oldest ??= this.#entries.entries()
    let next = this.#oldest.next()
    if (next.done) {
      // It has passed all entries that there were, and an iterator at its end stays there.
      this.#oldest = this.#entries.entries()
      next = this.#oldest.next()
    }
    if (next.done) return undefined
    this.#entries.delete(next.value[0])
    return next.value
  }

  clear(): void {
    this.#entries.clear()
    this.#oldest = undefined
  }
}
