import { type Deferred, deferred } from '../runtime/time/deferred.ts'

/** Messages that wait for their confirms at once, and the bytes of their bodies. */
export interface WindowBounds {
  readonly messages: number
  readonly bytes: number
}

interface Waiter {
  readonly size: number
  readonly admitted: Deferred<void>
  /** False once it was admitted, or has given up. */
  isWaiting: boolean
}

/**
 * Holds sends back while too many of them wait for their confirms: in the order in which they came, so that a large one is not
 * overtaken forever. One that is larger than the bound on bytes goes alone.
 */
export class SendWindow {
  readonly #bounds: WindowBounds
  /**
   * In order, from `#first` on. Not a `Set`: each look at its first value passes over all that were deleted before it, so that
   * 400,000 sends at once took a minute.
   */
  #waiting: Waiter[] = []
  #first = 0
  #messages = 0
  #bytes = 0

  constructor(bounds: WindowBounds) {
    this.#bounds = bounds
  }

  /**
   * Takes a place for a message of `size` bytes. Undefined where there is room, so that it costs nothing then; else a wait for
   * it, to be awaited or cancelled. Each admitted message has to `leave`.
   */
  enter(size: number): SendWait | undefined {
    if (this.#waiting.length === 0 && this.#hasRoom(size)) {
      this.#take(size)
      return undefined
    }
    const waiter: Waiter = { size, admitted: deferred(), isWaiting: true }
    this.#waiting.push(waiter)
    return {
      admitted: waiter.admitted.promise,
      cancel: () => {
        if (waiter.isWaiting) {
          waiter.isWaiting = false
          this.#admit()
        } else {
          // It was admitted meanwhile.
          this.leave(size)
        }
      },
    }
  }

  /** Gives up the place of a message of `size` bytes. */
  leave(size: number): void {
    this.#messages -= 1
    this.#bytes -= size
    if (this.#waiting.length > 0) this.#admit()
  }

  #admit(): void {
    for (let next = this.#waiting[this.#first]; next !== undefined; next = this.#waiting[this.#first]) {
      if (next.isWaiting) {
        if (!this.#hasRoom(next.size)) break
        next.isWaiting = false
        this.#take(next.size)
        next.admitted.resolve()
      }
      this.#first += 1
    }
    if (this.#first * 2 <= this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#first)
    this.#first = 0
  }

  #hasRoom(size: number): boolean {
    if (this.#messages === 0) return true
    return this.#messages < this.#bounds.messages && this.#bytes + size <= this.#bounds.bytes
  }

  #take(size: number): void {
    this.#messages += 1
    this.#bytes += size
  }
}

/** A send that waits for room. */
export interface SendWait {
  readonly admitted: Promise<void>
  /** Gives up the wait, or the place if it was admitted meanwhile. */
  cancel(): void
}
