/** Time as a dependency: the system clock in a worker, a manually advanced one in tests. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number
  /** Milliseconds that never jump, from an arbitrary origin. */
  monotonic(): number
  /** Runs `run` once after `ms` milliseconds. Delays beyond what a platform timer can hold are waited for in full. */
  after(ms: number, run: () => void): Timer
}

/** A scheduled call that can be cancelled. */
export interface Timer {
  /** Cancels the call; no effect if it already ran. */
  cancel(): void
}

// setTimeout fires at once for anything above 2^31-1 ms (24.8 days).
const LONGEST_TIMEOUT = 2 ** 31 - 1

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(ms, run) {
    const due = performance.now() + ms
    let timeout: NodeJS.Timeout
    const wait = (): void => {
      const left = due - performance.now()
      timeout = setTimeout(left > LONGEST_TIMEOUT ? wait : run, Math.min(Math.max(left, 0), LONGEST_TIMEOUT)).unref()
    }
    wait()
    return { cancel: () => clearTimeout(timeout) }
  },
}
