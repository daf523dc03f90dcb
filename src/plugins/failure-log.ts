import { messageOf } from '../errors.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { OnceAMinute } from '../runtime/time/once-a-minute.ts'

/** Logs errors of plugins: once a minute per hook, with the number of occurrences since the last line. */
export class FailureLog {
  readonly #logger: EventLogger
  readonly #clock: Clock
  readonly #hooks = new Map<string, OnceAMinute<unknown>>()

  constructor(logger: EventLogger, clock: Clock) {
    this.#logger = logger
    this.#clock = clock
  }

  /** Reports that `hook` of `plugin` threw `error`; never throws. */
  tell(plugin: string, hook: string, error: unknown): void {
    const key = `${plugin} ${hook}`
    let line = this.#hooks.get(key)
    if (line === undefined) {
      line = new OnceAMinute(this.#clock, (latest, times) => {
        const fields = { event: 'plugin.failed' as const, plugin, hook, error: messageOf(latest), times }
        this.#logger.warn(fields, 'a plugin failed')
      })
      this.#hooks.set(key, line)
    }
    line.happened(error)
  }
}
