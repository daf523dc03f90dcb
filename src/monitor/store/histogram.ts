import type { Durations } from '../answers/cluster.ts'

// Four buckets for each doubling, from a tenth of a millisecond to a day: durations are accurate to 9 %.
const SHORTEST = 1e-4
const PER_DOUBLING = 4
const BUCKETS = 120

/** The number of a bucket, and its count. */
export type Bucket = readonly [bucket: number, count: number]

/** Durations counted in buckets, per slot. */
export class Histogram {
  readonly #buckets: Uint32Array

  constructor(slots: number) {
    this.#buckets = new Uint32Array(slots * BUCKETS)
  }

  /** Counts a duration in seconds. */
  add(slot: number, seconds: number): void {
    const bucket = Math.ceil(Math.log2(Math.max(seconds, SHORTEST) / SHORTEST) * PER_DOUBLING)
    const index = slot * BUCKETS + Math.min(bucket, BUCKETS - 1)
    this.#buckets[index] = (this.#buckets[index] as number) + 1
  }

  /** The non-empty buckets of a slot, each with its number and count. */
  kept(slot: number): readonly Bucket[] {
    const counts = [...this.#buckets.subarray(slot * BUCKETS, (slot + 1) * BUCKETS)]
    return counts.flatMap((count, bucket) => (count === 0 ? [] : ([[bucket, count]] as const)))
  }

  /** Restores stored buckets. */
  restore(slot: number, kept: readonly Bucket[]): void {
    for (const [bucket, count] of kept)
      if (bucket >= 0 && bucket < BUCKETS) this.#buckets[slot * BUCKETS + bucket] = count
  }

  clear(slot: number): void {
    this.#buckets.fill(0, slot * BUCKETS, (slot + 1) * BUCKETS)
  }

  /** Median and slow durations of these slots together. */
  durations(slots: readonly number[]): Durations {
    const merged = new Float64Array(BUCKETS)
    let total = 0
    for (const slot of slots) {
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const count = this.#buckets[slot * BUCKETS + bucket] as number
        if (count === 0) continue
        merged[bucket] = (merged[bucket] as number) + count
        total += count
      }
    }
    return { p50: quantile(merged, total, 0.5), p95: quantile(merged, total, 0.95) }
  }
}

function quantile(merged: Float64Array, total: number, share: number): number | undefined {
  if (total === 0) return undefined
  let below = 0
  const bucket = merged.findIndex((count) => {
    below += count
    return below >= total * share
  })
  return SHORTEST * 2 ** (bucket / PER_DOUBLING)
}
