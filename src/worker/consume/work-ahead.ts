import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { DeclaredQueue, WorkerObserver } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'
import { nextAhead } from './window.ts'

/** The parts for working ahead. */
export interface WorkAheadParts {
  /** Whether the configuration leaves the prefetch count to the worker. */
  readonly enabled: boolean
  readonly prefetch: Pick<Prefetch, 'base' | 'ahead' | 'stepped' | 'lookAhead'>
  /** Whether tasks with a rate limit arrive: those that wait for it are already held beside the running ones. */
  readonly limited: () => boolean
  readonly clock: Clock
}

// A sample of the rate ends with a multiple of this many tasks, and takes this many milliseconds.
const TASKS = 32
const SHORTEST = 10
// In milliseconds: a sample without that number of tasks ends then, and the window with it if they have become slow.
const LONGEST = 200
const LOOK_EVERY = 100

/**
 * Makes the broker send some milliseconds of work ahead while tasks are quick, so that they do not wait for it between two tasks:
 * the work-ahead window. It opens after some quick tasks, and closes as soon as they are slow, or none arrives. There is none for
 * a queue with a single active consumer, whose order it might change, and none with rate limits.
 */
export class WorkAhead implements WorkerObserver {
  readonly #parts: WorkAheadParts
  readonly #singleActive = new Set<string>()
  #settled = 0
  #since = 0
  /** Bytes of the largest message in this sample, and in the previous one. */
  #largest = 0
  #largestBefore = 0
  #timer: Timer | undefined
  #stopped: boolean

  constructor(parts: WorkAheadParts) {
    this.#parts = parts
    this.#stopped = !parts.enabled
  }

  /** Whether there can be a window. */
  get enabled(): boolean {
    const { limited } = this.#parts
    return !this.#stopped && this.#singleActive.size === 0 && !limited()
  }

  declared({ name }: { readonly name: string }, { singleActive }: Pick<DeclaredQueue, 'singleActive'>): void {
    if (singleActive) this.#singleActive.add(name)
    else this.#singleActive.delete(name)
    if (!this.enabled) this.close()
  }

  /** A message larger than earlier ones closes the window at once if messages of its size would exceed the limit. */
  received({ delivery }: Request): void {
    const size = delivery.body.length
    if (size <= this.#largest) return
    this.#largest = size
    const { ahead } = this.#parts.prefetch
    if (ahead > 0) this.#apply(Math.min(ahead, this.#next(Number.POSITIVE_INFINITY, size)))
  }

  settled(): void {
    if (this.#stopped) return
    // While there is a window, a sample begins where the previous one ended: pauses count.
    if (this.#settled === 0 && this.#parts.prefetch.ahead === 0) this.#since = this.#parts.clock.monotonic()
    this.#settled += 1
    if (this.#settled % TASKS === 0) this.#look(SHORTEST)
  }

  /** The messages that the window had fetched are back at the broker. */
  takenBack(): void {
    this.close()
  }

  stopping(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Fetches nothing ahead until tasks are quick again. */
  close(): void {
    this.#settled = 0
    if (this.#parts.prefetch.ahead > 0) this.#apply(0)
  }

  /** Ends the sample if it is `longEnough`, in milliseconds, and adjusts the window. */
  #look(longEnough: number): void {
    const now = this.#parts.clock.monotonic()
    const elapsed = now - this.#since
    if (elapsed < longEnough) return
    const rate = (1000 * this.#settled) / elapsed
    const largest = Math.max(this.#largest, this.#largestBefore)
    this.#largestBefore = this.#largest
    this.#largest = 0
    this.#since = now
    this.#settled = 0
    this.#apply(this.enabled ? this.#next(rate, largest) : 0)
  }

  #next(rate: number, largest: number): number {
    const { base, ahead, stepped } = this.#parts.prefetch
    return nextAhead({ base, ahead, rate, largest, stepped })
  }

  #apply(ahead: number): void {
    const { clock, prefetch } = this.#parts
    if (ahead !== prefetch.ahead) prefetch.lookAhead(ahead)
    if (ahead === 0) return
    this.#timer ??= clock.after(LOOK_EVERY, () => {
      this.#timer = undefined
      this.#look(LONGEST)
      if (prefetch.ahead > 0) this.#apply(prefetch.ahead)
    })
  }
}
