import type { EventLogger } from '../../runtime/log/logger.ts'
import { beginningOf } from '../../runtime/text/cut-text.ts'
import type { AuditEntry, AuditList } from '../answers/actions.ts'

const MOST_ENTRIES = 1_000
const MOST_REFUSED = 100
const LONGEST = 500

/** The part of an audit that is kept. */
export interface AuditBefore {
  readonly since: number
  /** The latest one last. */
  readonly entries: readonly AuditEntry[]
}

/** The actions of visitors: kept for the page, and logged. */
export class Audit {
  readonly #since: number
  readonly #now: () => number
  readonly #logger: EventLogger | undefined
  readonly #onEntry: () => void
  readonly #entries: AuditEntry[]
  /** Those not yet returned by {@link takeNew}; undefined if nothing is kept. */
  readonly #new: AuditEntry[] | undefined

  /** `now` returns seconds since the epoch; `before` holds earlier entries, if they are kept. */
  constructor(now: () => number, logger: EventLogger | undefined, onEntry: () => void, before?: AuditBefore) {
    this.#now = now
    this.#since = before?.since ?? now()
    this.#entries = [...(before?.entries ?? [])]
    this.#new = before && []
    this.#logger = logger
    this.#onEntry = onEntry
  }

  /** The latest one first. */
  get list(): AuditList {
    return { since: this.#since, entries: [...this.#entries].reverse() }
  }

  /** The entries since the last call, the latest one last. */
  takeNew(): readonly AuditEntry[] {
    return this.#new?.splice(0) ?? []
  }

  /** Records an action. */
  add({ who, what, on, outcome, detail }: Omit<AuditEntry, 'at'>): void {
    const entry = { at: this.#now(), who: cut(who), what, on: cut(on), outcome, detail: detail && cut(detail) }
    this.#entries.push(entry)
    this.#new?.push(entry)
    // Separate limits, so that guessing secrets can't evict the actions of others.
    const refused = outcome === 'refused' ? this.#entries.filter((one) => one.outcome === 'refused') : []
    if (refused.length > MOST_REFUSED) this.#entries.splice(this.#entries.indexOf(refused[0] as AuditEntry), 1)
    if (this.#entries.length > MOST_ENTRIES) this.#entries.shift()
    this.#logger?.info({ event: 'monitor.act', who: entry.who, what, on: entry.on, outcome }, 'a visitor acts')
    this.#onEntry()
  }
}

function cut(text: string): string {
  return text.length <= LONGEST ? text : `${beginningOf(text, LONGEST)}…`
}
