import { heldSize } from '../runtime/held-size.ts'
import { TouchOrder } from '../runtime/touch-order.ts'

/** Views by name, those touched last at the end; the longest untouched go when there are too many, or they are too large. */
export class BoundedViews<View> {
  readonly #views = new TouchOrder<string, View>()
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
    return this.#views.entries
  }

  /** How many went because all together were too large. */
  get forgotten(): number {
    return this.#forgotten
  }

  /** Keeps a view, as the one touched last. */
  put(name: string, view: View): void {
    const size = heldSize(name) + heldSize(view)
    this.#bytes += size - (this.#sizes.get(name) ?? 0)
    this.#views.put(name, view)
    this.#sizes.set(name, size)
    while (this.views.size > this.#mostViews || this.#bytes > this.#mostBytes) {
      if (this.views.size <= this.#mostViews) this.#forgotten += 1
      const [oldest] = this.#views.shift() as readonly [string, View]
      this.#bytes -= this.#sizes.get(oldest) as number
      this.#sizes.delete(oldest)
    }
  }
}
