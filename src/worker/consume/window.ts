/** What the work-ahead window of a worker is decided by. */
export interface WindowFacts {
  /** How many messages a consumer holds without a window. */
  readonly base: number
  /** How many more it holds now. */
  readonly ahead: number
  /** How many consumers hold as many each; 1 where they share the limit. */
  readonly consumers: number
  /** Tasks settled of late, in each second. */
  readonly rate: number
  /** Bytes of the largest message of late. */
  readonly largest: number
  /** Whether a change is dear, since the worker has to consume anew for it. */
  readonly stepped: boolean
}

// Seconds: so much work is taken ahead.
const DEPTH = 0.025
// Messages in hand, those in work included.
const MOST = 1_000
// Bytes that may wait ahead.
const MOST_BYTES = 16 * 1024 * 1024
// Fewer are no gain, and might take turns with none.
const FEWEST = 4

/**
 * How many messages beyond `base` the broker may send each consumer ahead: together the work of 25 ms at the present rate, at
 * most 1,000 messages in hand, and 16 MiB if each were as large as the largest. Tasks of 100 ms and more get none. Where a change is dear, the
 * count at least doubles when it grows, and shrinks only to a quarter or less.
 */
export function nextAhead({ base, ahead, consumers, rate, largest, stepped }: WindowFacts): number {
  const bytes = Math.floor(MOST_BYTES / Math.max(largest, 1) / consumers)
  const room = Math.min(Math.max(Math.floor(MOST / consumers) - base, 0), bytes)
  const wanted = Math.min(Math.floor((rate * DEPTH) / consumers), room)
  const next = wanted < FEWEST ? 0 : wanted
  if (ahead > room) return next
  if (stepped) {
    const grows = base + next >= 2 * (base + ahead)
    return grows || 4 * next <= ahead ? next : ahead
  }
  return next > ahead * 1.25 || next < ahead / 2 ? next : ahead
}
