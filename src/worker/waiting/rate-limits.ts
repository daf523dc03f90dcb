import type { Clock, Timer } from '../../runtime/time/clock.ts'
import { TokenBucket } from '../../runtime/time/token-bucket.ts'
import type { Moments } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'

// More than these count as running, so that a long queue of one task is not taken into memory whole.
const MOST_HELD = 10_000

/** The parts that rate limits work with. */
export interface RateLimitsParts {
  readonly clock: Clock
  /** The configured number of starts per second of a task; 0 or undefined is no limit. */
  readonly rateOf: (task: string) => number | undefined
  readonly moments: Pick<Moments, 'due'>
  /** The places in the prefetch for requests held beside running ones. */
  readonly prefetch: Pick<Prefetch, 'hold' | 'release'>
}

/** The waiting requests of one task, in order of arrival, with the bucket and the timer that admit them. */
interface LimitedTask {
  readonly bucket: TokenBucket
  readonly waiting: Request[]
  timer: Timer | undefined
}

/** Starts the tasks of each name no faster than their rate; requests that come too early wait here, without a slot. */
export class RateLimits {
  readonly #parts: RateLimitsParts
  /** Only for tasks with a limit. */
  readonly #limitedTasks = new Map<string, LimitedTask>()
  readonly #changed = new Map<string, number>()
  #waiting = 0

  constructor(parts: RateLimitsParts) {
    this.#parts = parts
  }

  /** The requests that wait, by task. */
  requests(): Request[] {
    return [...this.#limitedTasks.values()].flatMap(({ waiting }) => waiting)
  }

  /** Whether a task with a limit has arrived. */
  get inForce(): boolean {
    return this.#limitedTasks.size > 0
  }

  /** Whether a task has a limit. */
  limits(task: string): boolean {
    return this.#limitedTask(task) !== undefined
  }

  /** True if a request may start now; otherwise it is held, and `due` in its turn. */
  admit(request: Request): boolean {
    const limited = this.#limitedTask(request.message.task)
    if (limited === undefined) return true
    if (limited.waiting.length === 0 && limited.bucket.take()) return true
    request.state = 'limited'
    limited.waiting.push(request)
    this.#hold(request)
    this.#arm(limited)
    return false
  }

  /**
   * Changes the limit of a task from now on: how many per second, 0 for no limit. Waiting requests are admitted by the new limit.
   */
  change(task: string, rate: number): void {
    this.#changed.set(task, rate)
    const before = this.#limitedTasks.get(task)
    before?.timer?.cancel()
    this.#limitedTasks.delete(task)
    const waiting = before?.waiting ?? []
    for (const request of waiting) this.#release(request)
    for (const request of waiting) if (this.admit(request)) this.#parts.moments.due(request, true)
  }

  /** Removes and returns every waiting request that matches `predicate`. */
  remove(predicate: (request: Request) => boolean): Request[] {
    const removed: Request[] = []
    for (const { waiting } of this.#limitedTasks.values()) {
      const kept: Request[] = []
      for (const request of waiting.splice(0)) (predicate(request) ? removed : kept).push(request)
      waiting.push(...kept)
    }
    for (const request of removed) this.#release(request)
    return removed
  }

  #hold(request: Request): void {
    this.#waiting += 1
    if (this.#waiting <= MOST_HELD) request.prefetchSlot = this.#parts.prefetch.hold()
  }

  #release(request: Request): void {
    this.#waiting -= 1
    if (request.prefetchSlot !== undefined) this.#parts.prefetch.release(request.prefetchSlot)
    request.prefetchSlot = undefined
  }

  #limitedTask(task: string): LimitedTask | undefined {
    const known = this.#limitedTasks.get(task)
    if (known !== undefined) return known
    const rate = this.#changed.get(task) ?? this.#parts.rateOf(task) ?? 0
    if (rate === 0) return undefined
    const limited: LimitedTask = { bucket: new TokenBucket(this.#parts.clock, rate), waiting: [], timer: undefined }
    this.#limitedTasks.set(task, limited)
    return limited
  }

  #arm(limited: LimitedTask): void {
    limited.timer ??= this.#parts.clock.after(limited.bucket.wait(), () => {
      limited.timer = undefined
      this.#startAllowed(limited)
    })
  }

  #startAllowed(limited: LimitedTask): void {
    while (limited.waiting.length > 0 && limited.bucket.take()) {
      const request = limited.waiting.shift() as Request
      this.#release(request)
      this.#parts.moments.due(request, true)
    }
    if (limited.waiting.length > 0) this.#arm(limited)
  }
}
