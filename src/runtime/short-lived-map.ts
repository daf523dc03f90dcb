/** So many values have one `Map`; less than what is allocated between two scavenges. */
const LIFE = 4_096

/**
 * A map for many values that come and go, in the order in which they came. V8 gives a `Map` with such a use a new table again and again, and
 * each old table keeps what it held and refers to the next one: once one of them is in old space, every later table and all values in
 * them stay until a full garbage collection (30 MB of messages that were settled long ago, in a worker with a prefetch count of
 * 1,000). Here those tables have the places of the values only, a place is emptied as its value leaves, and the chain of tables ends
 * every few thousand values, with another `Map`.
 */
export class ShortLivedMap<Key extends string | number, Value extends object> {
  #places = new Map<Key, number>()
  #untilAnother = LIFE
  readonly #values: (Value | undefined)[] = []
  readonly #free: number[] = []

  get size(): number {
    return this.#places.size
  }

  has(key: Key): boolean {
    return this.#places.has(key)
  }

  get(key: Key): Value | undefined {
    const place = this.#places.get(key)
    return place === undefined ? undefined : this.#values[place]
  }

  /** Adds a value at the end; the value of a key that is there already is replaced at its place in the order. */
  set(key: Key, value: Value): void {
    const place = this.#places.get(key) ?? this.#free.pop() ?? this.#values.length
    this.#places.set(key, place)
    this.#values[place] = value
    this.#untilAnother -= 1
    if (this.#untilAnother > 0) return
    this.#places = new Map(this.#places)
    this.#untilAnother = LIFE + this.#places.size
  }

  /** Removes a value and returns it; undefined where there is none. */
  take(key: Key): Value | undefined {
    const place = this.#places.get(key)
    if (place === undefined) return undefined
    this.#places.delete(key)
    this.#free.push(place)
    const value = this.#values[place]
    this.#values[place] = undefined
    return value
  }

  /** The keys in order. Values may be set and taken meanwhile: then some that are gone may still come, and some that are new may not. */
  keys(): IterableIterator<Key> {
    return this.#places.keys()
  }

  /** The values in order, as they are now. */
  values(): Value[] {
    return Array.from(this.#places.values(), (place) => this.#values[place] as Value)
  }

  clear(): void {
    this.#places.clear()
    this.#values.length = 0
    this.#free.length = 0
  }
}
