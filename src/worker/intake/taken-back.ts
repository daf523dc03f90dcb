import type { HarmlessReturns } from '../request/harmless-returns.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import type { Delays } from '../waiting/delays.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { RateLimits } from '../waiting/rate-limits.ts'

/** The places where requests wait that have not started. */
export interface TakenBackParts {
  readonly table: RequestTable
  readonly aside: Pick<HeldAside, 'forgetTakenBack'>
  readonly delays: Pick<Delays, 'remove'>
  readonly rateLimits: Pick<RateLimits, 'remove'>
  readonly dispatcher: Pick<Dispatcher, 'dropTakenBack'>
  readonly harmlessReturns: HarmlessReturns
}

/**
 * Drops requests that have not started and whose messages returned to the broker with their channel, or may have with their
 * consumer: then the others are returned as well. The broker redelivers them.
 */
export class TakenBack implements WorkerObserver {
  readonly #parts: TakenBackParts

  constructor(parts: TakenBackParts) {
    this.#parts = parts
  }

  takenBack(): void {
    const { aside, delays, dispatcher, harmlessReturns, rateLimits, table } = this.#parts
    aside.forgetTakenBack()
    for (const request of table.all()) if (request.takenBack) harmlessReturns.add(request)
    const held = delays.remove((request) => request.takenBack)
    const limited = rateLimits.remove((request) => request.takenBack)
    const forgotten = [...held, ...limited, ...dispatcher.dropTakenBack()]
    // Highest delivery tag first: each is put in front of the previous one.
    forgotten.sort((a, b) => b.delivery.deliveryTag - a.delivery.deliveryTag)
    for (const request of forgotten) {
      request.requeue()
      table.remove(request)
    }
  }
}
