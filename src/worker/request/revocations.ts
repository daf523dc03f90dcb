import type { TaskMessage } from '../../protocol/task-message.ts'
import type { HeaderValue } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { ExpiringSet } from '../../runtime/time/expiring-set.ts'

/**
 * Celery's limits (wire specification 3.5): ids, and how many milliseconds they are remembered. In bytes: enough for 50,000 ids
 * of 83, and little enough for a `hello` to carry them all.
 */
const LIMITS = { limit: 50_000, lifetime: 10_800_000, bytes: 4 * 1024 * 1024 }

/** The longest id of a task (`task-fields.ts`), in bytes; also the longest name and value of a stamp. */
export const LONGEST_REVOKED = 255

/** Revocations in the form in which they are stored in a file. Times are milliseconds since the epoch. */
export interface SavedRevocations {
  readonly ids: readonly (readonly [id: string, at: number])[]
  readonly stamps: readonly (readonly [name: string, value: string, at: number])[]
}

/** Where revocations are stored beyond the worker's life. */
export interface RevocationStore {
  /** Writes the result of `state`, called when the write begins. */
  save(state: () => SavedRevocations): void
}

/** Which tasks must not run: by id, or by a stamp that they carry. */
export class Revocations {
  readonly #ids: ExpiringSet
  readonly #stamps: ExpiringSet
  readonly #store: RevocationStore | undefined

  /** `store` saves them after every addition. */
  constructor(clock: Clock, store?: RevocationStore) {
    this.#ids = new ExpiringSet(clock, LIMITS)
    this.#stamps = new ExpiringSet(clock, LIMITS)
    this.#store = store
  }

  /** Revokes tasks by id, before or after their messages arrive. Invalid task ids are left out. */
  revoke(ids: readonly string[]): void {
    if (ids.length === 0) return
    for (const id of ids) if (fits(id)) this.#ids.add(id)
    this.#store?.save(() => this.save())
  }

  /** Revokes the tasks with any of these values of a stamp; values beyond 255 bytes are left out. */
  revokeStamped(stamps: Readonly<Record<string, readonly string[]>>): void {
    for (const [name, values] of Object.entries(stamps)) {
      if (fits(name)) for (const value of values) if (fits(value)) this.#stamps.add(stampKey(name, value))
    }
    this.#store?.save(() => this.save())
  }

  hasId(id: string): boolean {
    return this.#ids.has(id)
  }

  /** Whether a task is revoked, by its id or its stamps. */
  covers(message: Pick<TaskMessage, 'id' | 'stampedHeaders' | 'stamps'>): boolean {
    if (this.#ids.has(message.id)) return true
    if (this.#stamps.size === 0) return false
    const names = message.stampedHeaders ?? []
    return names.some((name) =>
      stampValues(message.stamps[name]).some((value) => this.#stamps.has(stampKey(name, value))),
    )
  }

  /** The revoked ids and when they were revoked, in milliseconds since the epoch. */
  ids(): [id: string, at: number][] {
    return this.#ids.entries()
  }

  save(): SavedRevocations {
    const stamps = this.#stamps.entries().map(([key, at]) => [...(JSON.parse(key) as [string, string]), at] as const)
    return { ids: this.ids(), stamps }
  }

  restore({ ids, stamps }: SavedRevocations): void {
    for (const [id, at] of ids) if (fits(id)) this.#ids.add(id, at)
    for (const [name, value, at] of stamps) if (fits(name) && fits(value)) this.#stamps.add(stampKey(name, value), at)
  }
}

/** A stamp's values as texts: one, or a list. */
export function stampValues(stamp: HeaderValue | undefined): string[] {
  if (stamp === undefined || stamp === null) return []
  return (Array.isArray(stamp) ? stamp : [stamp]).map(String)
}

function fits(text: string): boolean {
  return Buffer.byteLength(text) <= LONGEST_REVOKED
}

function stampKey(name: string, value: string): string {
  return JSON.stringify([name, value])
}
