import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Request } from '../request/request.ts'

/** The parts that the measurement needs. Times in milliseconds. */
export interface LoopWatchParts {
  readonly clock: Clock
  readonly logger: EventLogger
  /** How long the loop may be blocked without a warning. */
  readonly threshold?: number
}

const THRESHOLD = 1_000
// How often the loop is checked: often enough to know which tasks ran while it was blocked, seldom enough to cost nothing.
const INTERVAL = 200
const MOST_NAMED = 5
// At twice this many entries, ended requests are removed before the next check: they would keep their messages in memory.
const FEW = 64

/**
 * Names the tasks that block the event loop: while one computes nothing else runs, including heartbeats. A late timer shows that
 * the loop was blocked; the tasks that had started before and may have run until then are the suspects.
 */
export class LoopWatch {
  readonly #clock: Clock
  readonly #logger: EventLogger
  readonly #threshold: number
  /** The running requests, and all that started since the last check. */
  #suspects: Request[] = []
  /** At this length the list of suspects is filtered. */
  #many = 2 * FEW
  #timer: Timer | undefined
  #due = 0
  #late = 0

  constructor({ clock, logger, threshold = THRESHOLD }: LoopWatchParts) {
    this.#clock = clock
    this.#logger = logger
    this.#threshold = threshold
  }

  start(): void {
    this.#due = this.#clock.monotonic() + INTERVAL
    this.#timer = this.#clock.after(INTERVAL, () => this.#look())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#suspects = []
  }

  /** The delay of the loop now, or at the last check; milliseconds. */
  get lag(): number {
    return this.#timer === undefined ? 0 : Math.max(this.#late, this.#clock.monotonic() - this.#due)
  }

  /** A task's code is about to run on the event loop. */
  started(request: Request): void {
    this.#suspects.push(request)
    if (this.#suspects.length >= this.#many) this.#sift()
  }

  /** Removes requests that have ended, if the last check was not long ago: they did not block the loop for long. */
  #sift(): void {
    const sinceLook = this.#clock.monotonic() - this.#due + INTERVAL
    if (sinceLook < this.#threshold) this.#suspects = this.#suspects.filter(({ state }) => state === 'active')
    this.#many = 2 * Math.max(FEW, this.#suspects.length)
  }

  #look(): void {
    const late = this.#clock.monotonic() - this.#due
    this.#late = Math.max(0, late)
    if (late >= this.#threshold) this.#warn(late)
    this.#suspects = this.#suspects.filter(({ state }) => state === 'active')
    this.#many = 2 * Math.max(FEW, this.#suspects.length)
    this.start()
  }

  #warn(late: number): void {
    // A request that started after the loop was running again did not block it.
    const before = this.#clock.now() - late / 2
    const suspects = this.#suspects.filter(({ startedAt }) => startedAt !== undefined && startedAt <= before)
    const fields = { event: 'loop.blocked' as const, blocked_ms: Math.round(late) }
    const [only] = suspects
    if (only === undefined) {
      this.#logger.warn(fields, 'the event loop stood still, but no task ran')
    } else if (suspects.length === 1) {
      const { id, task } = only.message
      const message = 'a task blocked the event loop: nothing else ran, heartbeats included; see --pool threads'
      this.#logger.warn({ ...fields, task_id: id, task }, message)
    } else {
      // The latest come first: no task could start after the one that blocks the loop.
      const named = suspects.slice(-MOST_NAMED).reverse()
      const tasks = named.map(({ message }) => `${message.task}[${message.id}]`)
      const message =
        'one of these tasks blocked the event loop: nothing else ran, heartbeats included; see --pool threads'
      this.#logger.warn({ ...fields, tasks, running: suspects.length }, message)
    }
  }
}
