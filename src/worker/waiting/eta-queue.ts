import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Request } from '../request/request.ts'

interface Entry {
  readonly due: number
  readonly request: Request
  readonly size: number
}

// Longer waits are split, so that a jump of the wall clock is noticed within this time.
const SLICE = 60_000

/** Holds requests until their ETA, in one heap with one timer. */
export class EtaQueue {
  readonly #clock: Clock
  readonly #onDue: (request: Request) => void
  #heap: Entry[] = []
  #bytes = 0
  #timer: Timer | undefined
  #timerDue = Number.POSITIVE_INFINITY

  constructor(clock: Clock, onDue: (request: Request) => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  /** How many requests are held. */
  get size(): number {
    return this.#heap.length
  }

  /** How much memory their messages take. */
  get bytes(): number {
    return this.#bytes
  }

  /** The held requests, in no particular order. */
  requests(): Request[] {
    return this.#heap.map((entry) => entry.request)
  }

  /** Holds `request`, whose message has `size` bytes, until `due`, milliseconds since the epoch. */
  hold(request: Request, due: number, size = 0): void {
    request.state = 'held'
    this.#bytes += size
    this.#heap.push({ due, request, size })
    this.#rise(this.#heap.length - 1)
    this.#arm()
  }

  /** Removes and returns every request that matches `predicate`. */
  remove(predicate: (request: Request) => boolean): Request[] {
    const removed: Request[] = []
    const kept: Entry[] = []
    for (const entry of this.#heap) {
      if (predicate(entry.request)) {
        removed.push(entry.request)
        this.#bytes -= entry.size
      } else kept.push(entry)
    }
    if (removed.length === 0) return removed
    kept.sort((a, b) => a.due - b.due)
    this.#heap = kept
    this.#arm()
    return removed
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined) {
      this.#timer?.cancel()
      this.#timer = undefined
      this.#timerDue = Number.POSITIVE_INFINITY
      return
    }
    if (this.#timer !== undefined && this.#timerDue <= first.due) return
    this.#timer?.cancel()
    const wait = Math.min(Math.max(first.due - this.#clock.now(), 0), SLICE)
    this.#timerDue = first.due
    this.#timer = this.#clock.after(wait, () => {
      this.#timer = undefined
      this.#timerDue = Number.POSITIVE_INFINITY
      this.#release()
    })
  }

  #release(): void {
    const now = this.#clock.now()
    for (let first = this.#heap[0]; first !== undefined && first.due <= now; first = this.#heap[0]) {
      this.#removeFirst()
      this.#bytes -= first.size
      this.#onDue(first.request)
    }
    this.#arm()
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(index: number): void {
    const heap = this.#heap
    const entry = heap[index] as Entry
    let at = index
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent] as Entry
      if (above.due <= entry.due) break
      heap[at] = above
      at = parent
    }
    heap[at] = entry
  }

  #sink(index: number): void {
    const heap = this.#heap
    const entry = heap[index] as Entry
    let at = index
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Entry).due < (heap[child] as Entry).due) child += 1
      if ((heap[child] as Entry).due >= entry.due) break
      heap[at] = heap[child] as Entry
      at = child
    }
    heap[at] = entry
  }
}
