import { type Deferred, deferred } from '../runtime/time/deferred.ts'

/** Messages that wait for their confirms at once, and the bytes of their bodies. */
export interface WindowBounds {
  readonly messages: number
  readonly bytes: number
}

interface Waiter {
  readonly size: number
  readonly admitted: Deferred<void>
}

/**
 * Holds sends back while too many of them wait for their confirms: in the order in which they came, so that a large one is not
 * overtaken for ever. One that is larger than the bound on bytes goes alone.
 */
export class SendWindow {
  readonly #bounds: WindowBounds
  /** In order. */
  readonly #waiting = new Set<Waiter>()
  #messages = 0
  #bytes = 0

  constructor(bounds: WindowBounds) {
    this.#bounds = bounds
  }

  /**
   * Takes a place for a message of `size` bytes. Undefined where there is room, so that it costs nothing then; else a wait for
   * it, to be heard out or cancelled. Who was admitted has to `leave`.
   */
  enter(size: number): SendWait | undefined {
    if (this.#waiting.size === 0 && this.#hasRoom(size)) {
      this.#take(size)
      return undefined
    }
    const waiter: Waiter = { size, admitted: deferred() }
    this.#waiting.add(waiter)
    return {
      admitted: waiter.admitted.promise,
      cancel: () => {
        // Who was admitted meanwhile gives its place up.
        if (this.#waiting.delete(waiter)) this.#admit()
        else this.leave(size)
      },
    }
  }

  /** Gives up the place of a message of `size` bytes. */
  leave(size: number): void {
    this.#messages -= 1
    this.#bytes -= size
    if (this.#waiting.size > 0) this.#admit()
  }

  #admit(): void {
    for (const waiter of this.#waiting) {
      if (!this.#hasRoom(waiter.size)) return
      this.#waiting.delete(waiter)
      this.#take(waiter.size)
      waiter.admitted.resolve()
    }
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
  /** Waits no longer: for one whose time is up, admitted or not. */
  cancel(): void
}
