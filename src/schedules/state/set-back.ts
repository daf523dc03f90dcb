import type { ScheduleState } from './state.ts'

/** Milliseconds that the clocks of two leaders may differ by: what one has dealt with is not sent again by the other. */
export const MOST_AHEAD = 60_000

/** And what no clock shows: an entry that is that far ahead was written so, and is over. */
const NO_CLOCK = 100 * 365 * 86_400_000

/**
 * Sets back what a leader with a clock that was ahead has noted: until then nothing would be sent. Due times that it sent early are sent
 * once more, under their ids. Returns by how many milliseconds it was ahead; 0 where that is no more than clocks may differ by.
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
