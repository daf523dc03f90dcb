/** The listeners of each signal. */
const followUps = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `listener` once when `signal` aborts, immediately if it already has; returns a function that removes it. The signal gets
 * one listener of ours for any number of calls: Node warns about a leak above ten, and the signal may be the user's.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => {}
  }
  // A separate entry each time: the same function may be added twice.
  const entry = (): void => listener()
  const waiting = followUps.get(signal) ?? follow(signal)
  waiting.add(entry)
  return () => {
    waiting.delete(entry)
  }
}

function follow(signal: AbortSignal): Set<() => void> {
  const waiting = new Set<() => void>()
  followUps.set(signal, waiting)
  const tellAll = (): void => {
    followUps.delete(signal)
    for (const entry of waiting) entry()
  }
  signal.addEventListener('abort', tellAll, { once: true })
  return waiting
}
