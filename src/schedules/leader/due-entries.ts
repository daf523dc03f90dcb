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
  /** True if a former leader may have sent it: it was to be sent before this one began. */
  readonly mayBeSent?: boolean
}

/** The occurrences of a moment, and what is not made up for. */
export interface Due {
  readonly occurrences: readonly Occurrence[]
  readonly missed: readonly { readonly name: string; readonly count: number }[]
  /** Occurrences that are not sent, since the last run of their entry has not ended. */
  readonly skipped: readonly Occurrence[]
}

/** Occurrences of one entry that are on their way to the broker at once, so that one with a long gap does not keep others waiting. */
const MOST_OF_ONE = 50
/** And of all entries: while the broker takes nothing, what is due is not collected here. */
const MOST_UNDER_WAY = 1_000
const NOT_COUNTED = 0
/** Entries whose next due time is counted in one look: some patterns take a millisecond, and a leader has thousands of entries to begin with. */
const MOST_COUNTED = 100

/** The occurrences of an entry that were handed out, and that the broker has not confirmed yet. */
interface UnderWay {
  readonly dues: Set<number>
  /** The last that was handed out. */
  upTo: number
}

/**
 * Finds what is due in a state, and remembers when each entry is due next. An occurrence is handed out once; its due time counts as dealt
 * with, in the state that the next leader goes on from, only when `dealtWith` says so and none before it is under way.
 */
export class DueEntries {
  readonly #state: ScheduleState
  readonly #namespace: string
  readonly #ledSince: number
  /** When nothing of an entry is due before, with the `since` that it was counted from. */
  readonly #next = new WeakMap<Entry, { readonly name: string; readonly since: number; readonly at: number }>()

  readonly #underWay = new Map<string, UnderWay>()
  #countUnderWay = 0
  /** How many more are counted in this look. */
  #left = 0

  constructor(state: ScheduleState, namespace: string, ledSince: number) {
    this.#state = state
    this.#namespace = namespace
    this.#ledSince = ledSince
  }

  /**
   * When the next entry may be due, or 0 where that is still to be counted; infinity where none is, or where nothing is handed out before some of
   * what is under way has been dealt with.
   */
  nextAt(): number {
    this.#left = MOST_COUNTED
    let earliest = Number.POSITIVE_INFINITY
    if (this.#countUnderWay >= MOST_UNDER_WAY) return earliest
    const latest = lastAnnounced(this.#state)
    for (const one of this.#state.entries.values()) {
      if (this.#isActive(one, latest)) earliest = Math.min(earliest, this.#nextOf(one))
    }
    return earliest
  }

  /** What is due now; due times that are not made up for are noted as dealt with, those of occurrences are under way. */
  take(now: number): Due {
    const occurrences: Occurrence[] = []
    const missed: { name: string; count: number }[] = []
    const skipped: Occurrence[] = []
    const latest = lastAnnounced(this.#state)
    this.#left = MOST_COUNTED
    for (const one of this.#state.entries.values()) {
      if (this.#countUnderWay >= MOST_UNDER_WAY) break
      if (!this.#isActive(one, latest)) continue
      const at = this.#nextOf(one)
      if (at === NOT_COUNTED || at > now) continue
      const count = this.#takeOf(one, now, { occurrences, skipped })
      if (count > 0) missed.push({ name: one.name, count })
    }
    return { occurrences, missed, skipped }
  }

  /** Notes that an occurrence was sent, or can't be. Returns when its entry may be due next, or 0 where others wait for it. */
  dealtWith({ name, due }: Pick<Occurrence, 'name' | 'due'>): number {
    const wasFull = this.#countUnderWay >= MOST_UNDER_WAY
    const underWay = this.#underWay.get(name)
    if (underWay?.dues.delete(due) !== true) return Number.POSITIVE_INFINITY
    this.#countUnderWay -= 1
    // Confirms come in any order, and the next leader is to send again what lies after the first that has none.
    const since = underWay.dues.size === 0 ? underWay.upTo : Math.min(...underWay.dues) - 1
    if (underWay.dues.size === 0) this.#underWay.delete(name)
    const known = this.#state.entries.get(name)
    if (known !== undefined && since > known.since) this.#state.change(name, { since })
    const one = this.#state.entries.get(name)
    if (wasFull || one === undefined) return wasFull ? 0 : Number.POSITIVE_INFINITY
    this.#left = 1
    return this.#nextOf(one)
  }

  #takeOf(one: EntryState, now: number, taken: { occurrences: Occurrence[]; skipped: Occurrence[] }): number {
    const { name, entry } = one
    const timed = this.#timed(one)
    const isRunning = entry.overlapTimeout !== undefined && one.running !== undefined && now < one.running.until
    let since = this.#sinceOf(one)
    let missed = 0
    while (this.#hasRoom(one)) {
      const step = nextStep(timed, since, now, this.#ledSince)
      if (step.kind === 'wait') break
      missed += step.missed
      since = step.kind === 'pass' ? step.since : step.due
      if (step.kind === 'pass') {
        this.#state.change(name, { since })
        continue
      }
      const id = occurrenceId(this.#namespace, name, since)
      const sendAt = since + timed.delay(since)
      const occurrence = { name, entry, id, due: since, sendAt, ...(sendAt <= this.#ledSince && { mayBeSent: true }) }
      if (isRunning) {
        this.#state.change(name, { since })
        taken.skipped.push(occurrence)
        break
      }
      this.#handOut(name, since)
      taken.occurrences.push(occurrence)
    }
    return missed
  }

  #handOut(name: string, due: number): void {
    let underWay = this.#underWay.get(name)
    if (underWay === undefined) {
      underWay = { dues: new Set(), upTo: due }
      this.#underWay.set(name, underWay)
    }
    underWay.dues.add(due)
    underWay.upTo = due
    this.#countUnderWay += 1
  }

  /** With `catchUp: 'all'` many may be under way. Of what passes while another waits for its confirm, the other ways send the last, or none. */
  #hasRoom({ name, entry }: EntryState): boolean {
    const most = entry.catchUp === 'all' && entry.overlapTimeout === undefined ? MOST_OF_ONE : 1
    return (this.#underWay.get(name)?.dues.size ?? 0) < most && this.#countUnderWay < MOST_UNDER_WAY
  }

  #sinceOf({ name, since }: EntryState): number {
    return Math.max(since, this.#underWay.get(name)?.upTo ?? 0)
  }

  #nextOf(one: EntryState): number {
    if (!this.#hasRoom(one)) return Number.POSITIVE_INFINITY
    const { name, entry } = one
    const since = this.#sinceOf(one)
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
