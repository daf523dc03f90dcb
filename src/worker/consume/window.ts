/** The inputs for the work-ahead window of a worker. */
export interface WindowFacts {
  /** How many messages it holds without one. */
  readonly base: number
  /** How many more it holds now. */
  readonly ahead: number
  /** Tasks settled per second, recently. */
  readonly rate: number
  /** Bytes of the largest recent message. */
  readonly largest: number
  /** Whether a change is expensive: it is then made only if it is large. */
  readonly stepped: boolean
}

// Seconds of work that are fetched ahead.
const DEPTH = 0.025
// Messages in hand, including running ones.
const MOST = 1_000
// Bytes that may wait ahead.
const MOST_BYTES = 16 * 1024 * 1024
// A change is made if the window should be larger than its size by this factor, or smaller.
const SMALL = { grow: 1.25, shrink: 0.5 }
const LARGE = { grow: 2, shrink: 0.25 }
// Fewer bring no gain, and might alternate with none.
const FEWEST = 4

/**
 * How many messages beyond `base` the broker may send ahead: the work of 25 ms at the current rate, at most 1,000 messages in
 * hand, and 16 MiB if each were as large as the largest. Tasks of 100 ms and more get none.
 */
export function nextAhead({ base, ahead, rate, largest, stepped }: WindowFacts): number {
  const room = Math.min(Math.max(MOST - base, 0), Math.floor(MOST_BYTES / Math.max(largest, 1)))
  const wanted = Math.min(Math.floor(rate * DEPTH), room)
  const next = wanted < FEWEST ? 0 : wanted
  if (ahead > room) return next
  const { grow, shrink } = stepped ? LARGE : SMALL
  return next > ahead * grow || next < ahead * shrink ? next : ahead
}
