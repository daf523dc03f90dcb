import type { SessionEvent } from '../../broker/session.ts'
import { type ErrorCode, hintOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'

/** The two connections of a worker: one consumes, one publishes. */
export type SessionRole = 'consumer' | 'publisher'

/** The parts that the log of an absent broker needs. */
export interface AbsenceLogOptions {
  readonly clock: Clock
  readonly logger: EventLogger
  /** Whether a person reads the log live: then the first line says how to get a broker. */
  readonly terminal: boolean
}

// In milliseconds after the first line; after the last value, repeated at the same interval.
const TOLD_AFTER = [10_000, 30_000, 60_000]
const TOLD_EVERY = 60_000

// Errors that retrying does not fix.
const REFUSALS = ['TWQ_BROKER_AUTH', 'TWQ_BROKER_VHOST', 'TWQ_BROKER_TLS'] as const

const HINT = 'No RabbitMQ yet? npx twq dev brings a broker of its own.'

/**
 * Logs that a broker can't be reached: at once, after 10, 30 and 60 s, and then every minute, with the number of attempts of both
 * connections. A refusal of the login, the vhost or the certificate is logged when it first occurs, with a hint. Every attempt is
 * a line at level debug.
 */
export class AbsenceLog {
  readonly #options: AbsenceLogOptions
  readonly #away = new Set<SessionRole>()
  /** The refusals that were logged since the broker was lost. */
  readonly #refusals = new Set<ErrorCode>()
  #everConnected = false
  #since = 0
  #tries = 0
  #lines = 0

  constructor(options: AbsenceLogOptions) {
    this.#options = options
  }

  /** A connection is established. */
  connected(role: SessionRole): void {
    this.#everConnected = true
    this.#away.delete(role)
  }

  /** An attempt has failed, and the next one follows. */
  retrying(role: SessionRole, { attempt, inMs, error }: SessionEvent & { readonly kind: 'retrying' }): void {
    const { clock, logger, terminal } = this.#options
    if (this.#away.size === 0) {
      this.#since = clock.monotonic()
      this.#tries = 0
      this.#lines = 0
      this.#refusals.clear()
    }
    this.#away.add(role)
    this.#tries += 1
    const away = Math.round(clock.monotonic() - this.#since)
    const isNews = this.#isNewRefusal(error)
    if (away < this.#due() && !isNews) {
      const fields = {
        event: 'broker.try-failed' as const,
        role,
        attempt,
        in_ms: Math.round(inMs),
        error: error.message,
      }
      logger.debug(fields, "the broker can't be reached; trying again")
      return
    }
    while (away >= this.#due()) this.#lines += 1
    const fields = { event: 'broker.retrying' as const, tries: this.#tries, away_ms: away, error: error.message }
    const isFirst = away === 0 && this.#tries === 1
    const hint = isRefusal(error) ? hintOf(error) : isFirst && terminal && !this.#everConnected ? HINT : undefined
    logger.warn({ ...fields, ...(hint !== undefined && { hint }) }, textOf({ error, away, isFirst }))
  }

  #isNewRefusal(error: Error): boolean {
    if (!isRefusal(error) || this.#refusals.has(error.code)) return false
    this.#refusals.add(error.code)
    return true
  }

  /** How long the broker is away when the next line is due. */
  #due(): number {
    if (this.#lines === 0) return 0
    const last = TOLD_AFTER.length
    return TOLD_AFTER[this.#lines - 1] ?? (TOLD_AFTER[last - 1] as number) + (this.#lines - last) * TOLD_EVERY
  }
}

function isRefusal(error: Error): error is TwqError {
  return TwqError.is(error, ...REFUSALS)
}

function textOf({ error, away, isFirst }: { error: Error; away: number; isFirst: boolean }): string {
  if (isRefusal(error)) return 'the broker refuses the connection; trying again'
  return isFirst ? "the broker can't be reached; trying again" : `the broker is away for ${seconds(away)}; trying again`
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`
}
