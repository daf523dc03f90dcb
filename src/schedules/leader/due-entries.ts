import type { Entry } from '../entries/entry.ts'
import { isSuspended, lastAnnounced } from '../state/announcement.ts'
import type { EntryState, ScheduleState } from '../state/state.ts'
import { nextStep, type Timed } from '../times/due.ts'
import { jitterOf, occurrenceId } from '../times/occurrence.ts'

/** An occurrence to be sent. Moments are milliseconds since the epoch. */
export interface Occurrence {
  readonly name: string
  readonly entry: Entry
  readonly id: string
  /** When it was due, before jitter. */
  readonly due: number
  /** When it was to be sent. */
  readonly sendAt: number
}

/** The occurrences of a moment, and what is not made up for. */
export interface Due {
  readonly occurrences: readonly Occurrence[]
  readonly missed: readonly { readonly name: string; readonly count: number }[]
  /** Occurrences that are not sent, since the last run of their entry has not ended. */
  readonly skipped: readonly Occurrence[]
}

/** Of one entry at once, so that one with a long gap does not keep others waiting. */
const MOST_OF_ONE = 50
const NOT_COUNTED = 0
const MOST_AT_ONCE = 1_000
/** Entries whose next due time is counted in one look: some patterns take a millisecond, and a leader has thousands of entries to begin with. */
const MOST_COUNTED = 100

/** Finds what is due in a state, and remembers when each entry is due next. */
export class DueEntries {
  readonly #state: ScheduleState
  readonly #namespace: string
  readonly #ledSince: number
  /** When nothing of an entry is due before, with the `since` that it was counted from. */
  readonly #next = new WeakMap<Entry, { readonly name: string; readonly since: number; readonly at: number }>()

  /** How many more are counted in this look. */
  #left = 0

  constructor(state: ScheduleState, namespace: string, ledSince: number) {
    this.#state = state
    this.#namespace = namespace
    this.#ledSince = ledSince
  }

  /** When the next entry may be due, or 0 where that is still to be counted; infinity where none is. */
  nextAt(): number {
    this.#left = MOST_COUNTED
    let earliest = Number.POSITIVE_INFINITY
    const latest = lastAnnounced(this.#state)
    for (const one of this.#state.entries.values()) {
      if (this.#isActive(one, latest)) earliest = Math.min(earliest, this.#nextOf(one))
    }
    return earliest
  }

  /** What is due now; due times that are not made up for are noted as dealt with, those of occurrences are not. */
  take(now: number): Due {
    const occurrences: Occurrence[] = []
    const missed: { name: string; count: number }[] = []
    const skipped: Occurrence[] = []
    const latest = lastAnnounced(this.#state)
    this.#left = MOST_COUNTED
    for (const one of this.#state.entries.values()) {
      if (occurrences.length >= MOST_AT_ONCE) break
      if (!this.#isActive(one, latest)) continue
      const at = this.#nextOf(one)
      if (at === NOT_COUNTED || at > now) continue
      const count = this.#takeOf(one, now, { occurrences, skipped })
      if (count > 0) missed.push({ name: one.name, count })
    }
    return { occurrences, missed, skipped }
  }

  #takeOf(one: EntryState, now: number, taken: { occurrences: Occurrence[]; skipped: Occurrence[] }): number {
    const { name, entry } = one
    const timed = this.#timed(one)
    // One that must not overlap is looked at again once this one was sent.
    const most = entry.overlapTimeout === undefined ? MOST_OF_ONE : 1
    const isRunning = entry.overlapTimeout !== undefined && one.running !== undefined && now < one.running.until
    let { since } = one
    let missed = 0
    for (let count = 0; count < most; ) {
      const step = nextStep(timed, since, now, this.#ledSince)
      if (step.kind === 'wait') break
      missed += step.missed
      if (step.kind === 'pass') {
        since = step.since
        this.#state.change(name, { since })
        continue
      }
      since = step.due
      count += 1
      const id = occurrenceId(this.#namespace, name, step.due)
      const occurrence = { name, entry, id, due: step.due, sendAt: step.due + timed.delay(step.due) }
      if (!isRunning) taken.occurrences.push(occurrence)
      else {
        this.#state.change(name, { since })
        taken.skipped.push(occurrence)
      }
    }
    return missed
  }

  #nextOf(one: EntryState): number {
    const { name, entry, since } = one
    const known = this.#next.get(entry)
    if (known?.since === since && known.name === name) return known.at
    if (this.#left <= 0) return NOT_COUNTED
    this.#left -= 1
    const step = nextStep(this.#timed(one), since, since, this.#ledSince)
    const at = step.kind === 'wait' ? (step.until ?? Number.POSITIVE_INFINITY) : since
    this.#next.set(entry, { name, since, at })
    return at
  }

  #timed({ name, entry }: EntryState): Timed {
    const { timing, catchUp, jitter } = entry
    const delay = (due: number): number => jitterOf(occurrenceId(this.#namespace, name, due), jitter)
    return { timing, catchUp, jitter, delay }
  }

  #isActive(one: EntryState, latest: number): boolean {
    return one.entry.enabled && !one.paused && !isSuspended(one, latest, this.#ledSince)
  }
}
