import type { Deferred } from './deferred.ts'
import { onAbort } from './on-abort.ts'

/** A signal that aborts after a time; dispose of it when the limited work is done. */
export interface TimeLimit extends Disposable {
  readonly signal: AbortSignal
}

/** When a limit expires. */
interface LimitOptions {
  /** Milliseconds. */
  readonly ms?: number | undefined
  /** The reason after they have passed. */
  readonly reason: () => unknown
  readonly signal?: AbortSignal | undefined
}

// What a platform timer can hold: 24.8 days.
const LONGEST_TIMEOUT = 2 ** 31 - 1

/**
 * A signal that aborts after `ms` milliseconds with the result of `reason`, or with `signal`'s own reason if that aborts first.
 * Without `ms` there is no limit. Unlike `AbortSignal.timeout` it keeps the process alive: a caller may wait for a connection
 * that nothing else keeps alive.
 */
export function timeLimit(options: LimitOptions): TimeLimit {
  const controller = new AbortController()
  const limit = limitWait({ reject: (reason) => controller.abort(reason) }, options)
  return { signal: controller.signal, [Symbol.dispose]: () => limit[Symbol.dispose]() }
}

/**
 * Rejects after `ms` milliseconds with the result of `reason`, or with `signal`'s own reason if that aborts first: a {@link
 * timeLimit} for one wait without a new signal, whose creation took a tenth of the processor time of a client's call.
 */
export function limitWait(wait: Pick<Deferred<unknown>, 'reject'>, options: LimitOptions): Disposable {
  const { ms, reason, signal } = options
  const unfollow = signal && onAbort(signal, () => wait.reject(signal.reason))
  const expire = () => {
    if (ms !== undefined) wait.reject(reason())
  }
  const timer = setTimeout(expire, Math.min(ms ?? LONGEST_TIMEOUT, LONGEST_TIMEOUT))
  return {
    [Symbol.dispose]() {
      clearTimeout(timer)
      unfollow?.()
    },
  }
}

/**
 * Settles as `promise` does, or rejects with the signal's reason if that aborts first. A later rejection of `promise` is handled.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(stop)
  })
}
