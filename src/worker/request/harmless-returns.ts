import type { Clock } from '../../runtime/time/clock.ts'
import type { Request } from './request.ts'
import type { RequestTable } from './request-table.ts'

// More than any prefetch count, for as long as a reconnect may take.
const MOST = 100_000
const LIFETIME = 3_600_000

/**
 * How often in a row this process lost a message that it held, together with its channel or consumer: by task id. The broker
 * counts such a return as if a worker had died.
 */
export class HarmlessReturns {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #times = new Map<string, { readonly times: number; readonly at: number }>()
  readonly #noted = new WeakSet<Request>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Records that the broker took back the message of a request. Each request counts once, however often it is recorded. */
  add(request: Request): void {
    if (this.#noted.has(request)) return
    this.#noted.add(request)
    const { id } = request.message
    this.#times.delete(id)
    this.#times.set(id, { times: request.lostWithConnection + 1, at: this.#clock.monotonic() })
    for (const [oldest, { at }] of this.#times) {
      if (this.#times.size <= MOST && at + LIFETIME > this.#clock.monotonic()) return
      this.#times.delete(oldest)
    }
  }

  /** The message was redelivered: returns how often it was taken back, once; 0 if unknown. */
  take(id: string): number {
    const known = this.#times.get(id)
    if (known === undefined) return 0
    this.#times.delete(id)
    return known.at + LIFETIME > this.#clock.monotonic() ? known.times : 0
  }
}

/** Forgets a request; if the broker took its message back, the redelivery is not counted as a death. */
export function forget(
  request: Request,
  { table, harmlessReturns }: { readonly table: RequestTable; readonly harmlessReturns: HarmlessReturns },
): void {
  if (request.takenBack) harmlessReturns.add(request)
  table.remove(request)
}
