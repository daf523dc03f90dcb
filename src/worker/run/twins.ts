import type { FinishedAttempts } from '../request/finished-attempts.ts'
import { forget, type HarmlessReturns } from '../request/harmless-returns.ts'
import type { InFlight } from '../request/in-flight.ts'
import type { Moments } from '../request/moments.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'

/** The parts for keeping two deliveries of one message apart. */
export interface TwinsParts {
  readonly finished: FinishedAttempts
  readonly harmlessReturns: HarmlessReturns
  readonly table: RequestTable
  readonly inFlight: InFlight
  readonly moments: Pick<Moments, 'due'>
}

/** Keeps a redelivered message from running beside, or after, its own attempt. */
export class Twins {
  readonly #parts: TwinsParts

  constructor(parts: TwinsParts) {
    this.#parts = parts
  }

  /**
   * Returns true when a message that may have started before must not start now: it is acknowledged if its attempt has ended
   * here, and is `due` again when the attempt that runs here is over. Two messages that a caller sent with the same id both run.
   */
  divert(request: Request, inTurn = true): boolean {
    const { finished, inFlight, moments, table } = this.#parts
    if (finished.acknowledge(request.delivery, request.message, request.queue)) {
      table.remove(request)
      return true
    }
    const running = table.running(request.message)
    if (running === undefined) return false
    inFlight.track(
      table.over(running).then(() => {
        if (request.takenBack) forget(request, this.#parts)
        else moments.due(request, inTurn)
      }),
    )
    return true
  }
}
