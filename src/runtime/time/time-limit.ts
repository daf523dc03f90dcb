import { onAbort } from './on-abort.ts'

/** A signal that aborts on time; dispose of it once what it limits is over. */
export interface TimeLimit extends Disposable {
  readonly signal: AbortSignal
}

// What a platform timer can hold: 24.8 days.
const LONGEST_TIMEOUT = 2 ** 31 - 1

/**
 * A signal that aborts after `ms` milliseconds with what `reason` gives then, or with `signal`'s own reason when that
 * aborts first. Without `ms` there is no limit. Either way it keeps the process alive, as `AbortSignal.timeout` does not:
 * a caller waits, perhaps for a connection that nothing else keeps it alive for.
 */
export function timeLimit(options: {
  readonly ms?: number | undefined
  readonly reason: () => unknown
  readonly signal?: AbortSignal | undefined
}): TimeLimit {
  const controller = new AbortController()
  const { ms, reason, signal } = options
  const unfollow = signal && onAbort(signal, () => controller.abort(signal.reason))
  const expire = () => {
    if (ms !== undefined) controller.abort(reason())
  }
  const timer = setTimeout(expire, Math.min(ms ?? LONGEST_TIMEOUT, LONGEST_TIMEOUT))
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer)
      unfollow?.()
    },
  }
}

/** Settles as `promise` does, or rejects with the signal's reason when that aborts first. A later rejection of `promise` is handled. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason))
    promise.then(resolve, reject).finally(stop)
  })
}
