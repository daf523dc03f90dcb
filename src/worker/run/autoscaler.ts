import type { AutoscaleControls } from '../../control/worker-view.ts'
import { messageOf } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { PoolSize } from './pool-size.ts'

/** The limits for the number of slots; a `min` of 0 leaves one as well. */
export interface Bounds {
  readonly max: number
  readonly min: number
}

/** The inputs for the size of a pool. */
export interface ScaleFacts extends Bounds {
  /** How many slots there are. */
  readonly size: number
  /** How many tasks run or wait for a slot. */
  readonly demand: number
  /** How long there have been more slots than tasks, in milliseconds. */
  readonly spareFor: number
}

// In milliseconds: Celery's keepalive, and how often it checks.
const KEEP_SPARE = 30_000
const LOOK_EVERY = 1_000

/** The desired number of slots: as many as there are tasks, at once, and one fewer after some were spare for 30 s. */
export function nextSize({ size, demand, max, min, spareFor }: ScaleFacts): number {
  const wanted = Math.min(Math.max(demand, min, 1), max)
  if (wanted >= size) return wanted
  return size > max ? max : spareFor < KEEP_SPARE ? size : size - 1
}

/** The parts that an autoscaler reads and resizes. */
export interface AutoscalerParts {
  readonly bounds: Bounds
  readonly dispatcher: Pick<Dispatcher, 'running' | 'waiting'>
  readonly poolSize: Pick<PoolSize, 'size' | 'resize' | 'widen' | 'largest'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Grows the pool while tasks wait, and shrinks it when they do not, like Celery's `--autoscale`. */
export class Autoscaler implements AutoscaleControls, WorkerObserver {
  readonly #parts: AutoscalerParts
  #bounds: Bounds
  #neededAt: number
  #timer: Timer | undefined

  constructor(parts: AutoscalerParts) {
    this.#parts = parts
    this.#bounds = parts.bounds
    this.#neededAt = parts.clock.monotonic()
  }

  start(): void {
    this.#timer = this.#parts.clock.after(LOOK_EVERY, () => {
      this.look()
      this.start()
    })
  }

  /** A task waits for a slot. */
  waiting(): void {
    this.look()
  }

  /** The pool of a worker that shuts down keeps its size. */
  stopping(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Resizes the pool to the desired size. Does nothing before the start and after the end. */
  look(): void {
    if (this.#timer === undefined) return
    const { poolSize, clock, logger } = this.#parts
    const { size } = poolSize
    const demand = this.#demand
    const now = clock.monotonic()
    if (demand >= size) this.#neededAt = now
    const next = nextSize({ ...this.#bounds, size, demand, spareFor: now - this.#neededAt })
    if (next === size) return
    try {
      poolSize.resize(next)
    } catch (error) {
      logger.error({ event: 'pool.not-resized', size: next, error: messageOf(error) }, 'the pool cannot be resized')
    }
  }

  info(): { readonly max: number; readonly min: number; readonly current: number; readonly qty: number } {
    return { ...this.#bounds, current: this.#parts.poolSize.size, qty: this.#demand }
  }

  update(max: number = this.#bounds.max, min: number = this.#bounds.min): Bounds {
    const { poolSize } = this.#parts
    if (max < 1 || max > poolSize.largest) {
      throw new Error(`ValueError('max must be from 1 to ${poolSize.largest}, not ${max}')`)
    }
    if (min > max) throw new Error(`ValueError('min must not be larger than max: ${min} > ${max}')`)
    poolSize.resize(Math.min(Math.max(poolSize.size, min), max))
    poolSize.widen(max - this.#bounds.max)
    this.#bounds = { max, min }
    return this.#bounds
  }

  get #demand(): number {
    const { dispatcher } = this.#parts
    return dispatcher.running + dispatcher.waiting
  }
}
