import type { Plugin, PluginObservers } from '../tasks/plugin.ts'
import type { FailureLog } from './failure-log.ts'

type Moment = keyof PluginObservers
type FactsOf<M extends Moment> = Parameters<NonNullable<PluginObservers[M]>>[0]

interface Hearing {
  readonly plugin: string
  readonly hear: (facts: unknown) => unknown
}

/**
 * The observers of plugins, called one after the other for each event. What they throw or reject with is logged and has no other
 * effect.
 */
export class Observers {
  readonly #hearing = new Map<Moment, Hearing[]>()
  readonly #failures: FailureLog

  constructor(plugins: readonly Plugin[], failures: FailureLog) {
    this.#failures = failures
    for (const { name, on = {} } of plugins) {
      for (const moment of MOMENTS.filter((moment) => on[moment] !== undefined)) {
        const hearing: Hearing = { plugin: name, hear: (facts) => (on[moment] as Hearing['hear'])(facts) }
        this.#hearing.set(moment, [...(this.#hearing.get(moment) ?? []), hearing])
      }
    }
  }

  /** Whether any plugin observes one of these events. */
  hears(...moments: readonly Moment[]): boolean {
    return moments.some((moment) => this.#hearing.has(moment))
  }

  /** Reports an event. Never throws, and does not wait. */
  tell<M extends Moment>(moment: M, facts: FactsOf<M>): void {
    for (const { plugin, hear } of this.#hearing.get(moment) ?? []) {
      void heard(hear, facts).catch((error: unknown) => this.#failures.tell(plugin, `on.${moment}`, error))
    }
  }
}

// Async, so that a throw, a rejection and a thenable that throws are handled alike.
async function heard(hear: Hearing['hear'], facts: unknown): Promise<void> {
  await hear(facts)
}

const MOMENTS: readonly Moment[] = [
  'received',
  'started',
  'succeeded',
  'failed',
  'retried',
  'revoked',
  'rejected',
  'quarantined',
  'workerReady',
  'workerStopping',
  'brokerLost',
  'brokerRegained',
]
