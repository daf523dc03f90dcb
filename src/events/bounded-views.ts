import { heldSize } from '../runtime/held-size.ts'

/** Views by name, those touched last at the end; the longest untouched go when there are too many, or they are too large. */
export class BoundedViews<View> {
  readonly #views = new Map<string, View>()
  readonly #sizes = new Map<string, number>()
  readonly #mostViews: number
  readonly #mostBytes: number
  #bytes = 0
  #forgotten = 0

  constructor(mostViews: number, mostBytes: number) {
    this.#mostViews = mostViews
    this.#mostBytes = mostBytes
  }

  get views(): ReadonlyMap<string, View> {
    return this.#views
  }

  /** How many went because all together were too large. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Keeps a view, as the one touched last. */
  put(name: string, view: View): void {
    this.#remove(name)
    const size = heldSize(name) + heldSize(view)
    this.#views.set(name, view)
    this.#sizes.set(name, size)
    this.#bytes += size
    while (this.#views.size > this.#mostViews || this.#bytes > this.#mostBytes) {
      if (this.#views.size <= this.#mostViews) this.#forgotten += 1
      const [oldest] = this.#views.keys()
      this.#remove(oldest as string)
    }
  }

  #remove(name: string): void {
    this.#views.delete(name)
    this.#bytes -= this.#sizes.get(name) ?? 0
    this.#sizes.delete(name)
  }
}
