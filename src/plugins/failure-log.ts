import { messageOf } from '../errors.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'

/** Between two log lines about one hook of a plugin, in milliseconds. */
const QUIET = 60_000

interface Streak {
  readonly since: number
  times: number
}

/** Logs errors of plugins: once a minute per hook, with the number of occurrences since the last line. */
export class FailureLog {
  readonly #logger: EventLogger
  readonly #clock: Clock
  readonly #streaks = new Map<string, Streak>()

  constructor(logger: EventLogger, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
  }

  /** Reports that `hook` of `plugin` threw `error`; never throws. */
  tell(plugin: string, hook: string, error: unknown): void {
    const key = `${plugin} ${hook}`
    const streak = this.#streaks.get(key)
    const now = this.#clock.monotonic()
    if (streak !== undefined && now - streak.since < QUIET) {
      streak.times += 1
      return
    }
    this.#streaks.set(key, { since: now, times: 0 })
    const fields = {
      event: 'plugin.failed' as const,
      plugin,
      hook,
      error: messageOf(error),
      times: (streak?.times ?? 0) + 1,
    }
    this.#logger.warn(fields, 'a plugin failed')
  }
}
