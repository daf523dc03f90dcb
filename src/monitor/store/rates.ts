import type { Durations } from '../answers/cluster.ts'
import { type Bucket, Histogram } from './histogram.ts'

/** The kinds of task events that are counted. */
export const KINDS = ['sent', 'received', 'started', 'succeeded', 'failed', 'retried', 'revoked', 'rejected'] as const

/** A kind of task events that is counted. */
export type Kind = (typeof KINDS)[number]

/** The counts of one or more consecutive steps. */
export interface Stretch {
  /** Its start, in seconds since the epoch. */
  readonly at: number
  count(kind: Kind): number
  readonly runtime: Durations
  readonly wait: Durations
}

/** The counts of one step, in stored form. */
export interface KeptStep {
  /** Its number, counted from the epoch. */
  readonly number: number
  /** In the order of {@link KINDS}. */
  readonly counts: readonly number[]
  readonly runtimes: readonly Bucket[]
  readonly waits: readonly Bucket[]
}

// In seconds. Events may wait this long at most until they are counted: a greater difference is a clock that was set back.
const LATEST = 300

/** Counts and durations of the last `length` steps of `step` seconds each, in constant memory. */
export class Rates {
  readonly #step: number
  readonly #length: number
  readonly #counts: Uint32Array
  readonly #runtimes: Histogram
  readonly #waits: Histogram
  /** The number of the latest step, counted from the epoch. */
  #last: number
  /** The numbers of the steps written since the last {@link takeChanged}; undefined if nothing is stored. */
  #changed: Set<number> | undefined

  constructor(step: number, length: number, now: number) {
    this.#step = step
    this.#length = length
    this.#counts = new Uint32Array(length * KINDS.length)
    this.#runtimes = new Histogram(length)
    this.#waits = new Histogram(length)
    this.#last = Math.floor(now / step)
  }

  /** Counts an event that arrived `now`. */
  count(kind: Kind, now: number): void {
    const slot = this.#slot(now)
    this.#changed?.add(this.#last)
    const index = slot * KINDS.length + KINDS.indexOf(kind)
    this.#counts[index] = (this.#counts[index] as number) + 1
  }

  /** Records how many seconds a task ran. */
  ran(seconds: number, now: number): void {
    this.#runtimes.add(this.#slot(now), seconds)
  }

  /** Records how many seconds a task waited in its worker. */
  waited(seconds: number, now: number): void {
    this.#waits.add(this.#slot(now), seconds)
  }

  /** Restores stored steps that are not too old, and from now on records which change. */
  restore(steps: readonly KeptStep[]): void {
    for (const { number, counts, runtimes, waits } of steps) {
      if (number > this.#last || number <= this.#last - this.#length) continue
      const slot = number % this.#length
      this.#counts.set(counts.slice(0, KINDS.length), slot * KINDS.length)
      this.#runtimes.restore(slot, runtimes)
      this.#waits.restore(slot, waits)
    }
    this.#changed = new Set()
  }

  /** The steps written since the last call, in their current state. */
  takeChanged(): readonly KeptStep[] {
    const changed = [...(this.#changed ?? [])].filter(
      (number) => number > this.#last - this.#length && number <= this.#last,
    )
    this.#changed?.clear()
    return changed.map((number) => {
      const slot = number % this.#length
      return {
        number,
        counts: [...this.#counts.subarray(slot * KINDS.length, (slot + 1) * KINDS.length)],
        runtimes: this.#runtimes.kept(slot),
        waits: this.#waits.kept(slot),
      }
    })
  }

  /** The last `steps` whole steps before the one of `now`, combined. */
  recent(steps: number, now: number): Stretch {
    this.#slot(now)
    return this.#stretch(this.#last - steps, steps)
  }

  /** The whole ring combined into groups of `each` steps, oldest first; the last group is not over yet. */
  stretches(each: number, now: number): readonly Stretch[] {
    this.#slot(now)
    // Groups start at multiples of their length, so that points do not move.
    const newest = Math.floor(this.#last / each)
    const many = Math.floor(this.#length / each)
    return Array.from({ length: many }, (_, index) => this.#stretch((newest - many + 1 + index) * each, each))
  }

  #stretch(first: number, steps: number): Stretch {
    const slots: number[] = []
    for (let number = first; number < first + steps; number++) {
      if (number <= this.#last && number > this.#last - this.#length) slots.push(number % this.#length)
    }
    return {
      at: first * this.#step,
      count: (kind) => {
        const column = KINDS.indexOf(kind)
        return slots.reduce((sum, slot) => sum + (this.#counts[slot * KINDS.length + column] as number), 0)
      },
      runtime: this.#runtimes.durations(slots),
      wait: this.#waits.durations(slots),
    }
  }

  /**
   * The position of `now`, after clearing the steps since the last one. What comes a little late is counted in the last step; where
   * the clock was set back, the steps that lie ahead of it now are dropped.
   */
  #slot(now: number): number {
    const number = Math.floor(now / this.#step)
    const isSetBack = (this.#last - number) * this.#step > LATEST
    const newest = isSetBack ? this.#last : number
    const empty = Math.min(Math.abs(number - this.#last), this.#length)
    if (isSetBack || number > this.#last) {
      for (let step = newest - empty + 1; step <= newest; step++) this.#clear(step % this.#length)
      this.#last = number
    }
    return this.#last % this.#length
  }

  #clear(slot: number): void {
    this.#counts.fill(0, slot * KINDS.length, (slot + 1) * KINDS.length)
    this.#runtimes.clear(slot)
    this.#waits.clear(slot)
  }
}
