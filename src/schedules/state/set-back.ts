import type { ScheduleState } from './state.ts'

/**
 * The difference in milliseconds that is tolerated between the clocks of two leaders: within it, the next leader does not send
 * again what the earlier one sent.
 */
export const MOST_AHEAD = 60_000

/** A time that no clock shows: an entry that far ahead was written on purpose, to end it. */
const NO_CLOCK = 100 * 365 * 86_400_000

/**
 * Resets times recorded by a leader whose clock was ahead, since nothing would be sent until then. Occurrences that it sent early
 * are sent again with the same ids. Returns by how many milliseconds the clock was ahead; 0 within the tolerance.
 */
export function setBack(state: ScheduleState, now: number): number {
  let ahead = 0
  for (const { name, entry, since, lastRun, running } of state.entries.values()) {
    if (since - now > MOST_AHEAD && since - now < NO_CLOCK) {
      ahead = Math.max(ahead, since - now)
      state.change(name, { since: now, ...(lastRun !== undefined && lastRun.due > now && { lastRun: undefined }) })
    }
    const latest = now + (entry.overlapTimeout ?? 0)
    if (running !== undefined && running.until - latest > MOST_AHEAD)
      state.change(name, { running: { ...running, until: latest } })
  }
  return ahead
}
