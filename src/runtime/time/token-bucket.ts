import type { Clock } from './clock.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 }
const RATE = /^\s*(\d+(?:\.\d+)?)\s*(?:\/\s*([smh]))?\s*$/

// They arrive by remote control.
const LONGEST_RATE = 64

/**
 * Events per second, parsed from a number or a text like `'10/s'`, `'100/m'`, `'5/h'`; 0 means no limit. `undefined` for anything
 * else.
 */
export function parseRate(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined
  if (typeof value !== 'string' || value.length > LONGEST_RATE) return undefined
  const [, count, unit = 's'] = RATE.exec(value) ?? []
  return count === undefined ? undefined : Number(count) / (SECONDS[unit] as number)
}

/** Celery's bucket (wire specification 3.1): one token at most, refilled continuously. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perMillisecond: number
  #tokens = 1
  #filledAt: number

  /** `rate` is in tokens per second, more than 0. */
  constructor(clock: Clock, rate: number) {
    this.#clock = clock
    this.#perMillisecond = rate / 1_000
    this.#filledAt = clock.monotonic()
  }

  /** Takes a token if there is one. */
  take(): boolean {
    this.#fill()
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }

  /** Whole milliseconds until a token is available. */
  wait(): number {
    this.#fill()
    return Math.ceil((1 - this.#tokens) / this.#perMillisecond)
  }

  #fill(): void {
    const now = this.#clock.monotonic()
    // A sum of fractions may miss a whole token by a rounding error.
    const tokens = this.#tokens + (now - this.#filledAt) * this.#perMillisecond
    this.#tokens = tokens > 1 - 1e-9 ? 1 : tokens
    this.#filledAt = now
  }
}
