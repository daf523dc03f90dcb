/** Who waits for each signal. */
const followUps = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `listener` once when `signal` aborts, at once where it has; returns how to stop. However many wait for one signal,
 * it has one listener of ours: Node takes more than ten on a signal, which may be a user's, for a leak, and says so.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  if (signal.aborted) {
    listener()
    return () => {}
  }
  // An entry of its own: the same function may wait twice.
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
