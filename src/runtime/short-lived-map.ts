/** Entries per `Map`; fewer than are allocated between two scavenges. */
const LIFE = 4_096

/**
 * An insertion-ordered map for many short-lived values. V8 rebuilds the table of a `Map` used this way again and again; each old
 * table keeps its entries and points to the next one, so once one table is in old space, all later tables and their values stay
 * until a full garbage collection (30 MB of messages settled long ago, in a worker with a prefetch count of 1,000). Here the
 * tables hold only the positions of values, a position is cleared when its value is removed, and the chain of tables ends every
 * few thousand values with a new `Map`.
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

  /** Removes a value and returns it; undefined if there is none. */
  take(key: Key): Value | undefined {
    const place = this.#places.get(key)
    if (place === undefined) return undefined
    this.#places.delete(key)
    this.#free.push(place)
    const value = this.#values[place]
    this.#values[place] = undefined
    return value
  }

  /** The keys in order. Values may be set and taken during the iteration: it may then yield removed keys and miss new ones. */
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
