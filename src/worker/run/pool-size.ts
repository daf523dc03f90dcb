import type { Pool } from '../../pool/pool.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Dispatcher } from './dispatcher.ts'

/** The parts that are resized together. */
export interface PoolSizeParts {
  readonly pool: Pick<Pool, 'kind' | 'onEventLoop' | 'resize' | 'restart'>
  readonly dispatcher: Pick<Dispatcher, 'concurrency' | 'resize'>
  readonly prefetch: Pick<Prefetch, 'widen'>
  readonly prefetchMultiplier: number
  /** The largest size that autoscaling may choose. */
  readonly max?: number | undefined
  readonly logger: EventLogger
}

// Limits what one remote-control command can request, in memory and threads. A prefetch count has 16 bits.
const LARGEST_CREW = 256
const LARGEST = 65_535

/** Changes how many attempts run at once in a running worker: the pool, its slots and their prefetch count. */
export class PoolSize {
  readonly #parts: PoolSizeParts
  /** The maximum number of slots. */
  readonly largest: number

  constructor(parts: PoolSizeParts) {
    this.#parts = parts
    this.largest = Math.max(
      parts.pool.onEventLoop ? LARGEST : LARGEST_CREW,
      parts.dispatcher.concurrency,
      parts.max ?? 0,
    )
  }

  /** How many attempts may run at once. */
  get size(): number {
    return this.#parts.dispatcher.concurrency
  }

  /** Adds `change` slots (negative: removes them), and adjusts the prefetch count. Throws in Python's wording. */
  change(change: number): void {
    this.resize(this.size + change)
    this.widen(change)
  }

  /** Sets the number of slots, and leaves the prefetch count unchanged. Throws in Python's wording. */
  resize(size: number): void {
    const { pool, dispatcher, logger } = this.#parts
    const before = this.size
    if (size < 1 || size > this.largest) {
      throw new Error(`ValueError('the pool must have from 1 to ${this.largest} slots, not ${size}')`)
    }
    if (size === before) return
    if (pool.resize === undefined) {
      throw new Error(`AttributeError("'TaskPool' object has no attribute '${size < before ? 'shrink' : 'grow'}'")`)
    }
    pool.resize(size)
    dispatcher.resize(size)
    logger.info({ event: 'pool.resized', before, size }, 'the pool was resized')
  }

  /** Raises the prefetch count for additional slots (negative: lowers it). */
  widen(change: number): void {
    this.#parts.prefetch.widen(change * this.#parts.prefetchMultiplier)
  }

  /** Replaces the members of the pool, one after the other. Throws in Python's wording if there are none. */
  restart(): void {
    const { pool } = this.#parts
    if (pool.restart === undefined) {
      throw new Error(`NotImplementedError("pool '${pool.kind}' does not implement restart")`)
    }
    void pool.restart()
  }
}
