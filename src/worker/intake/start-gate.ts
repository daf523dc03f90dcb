import { messageOf } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Suspects } from '../consume/suspects.ts'
import type { Isolation } from '../quarantine/isolation.ts'
import {
  type DeliveryFacts,
  decideStart,
  factsOf,
  isWorn,
  markableStarts,
  type Past,
} from '../quarantine/poison-policy.ts'
import type { Republisher } from '../quarantine/republisher.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import { forget, type HarmlessReturns } from '../request/harmless-returns.ts'
import type { InFlight } from '../request/in-flight.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import type { Twins } from '../run/twins.ts'
import { nameOf, type PoisonMessages } from '../settle/poison-messages.ts'
import type { RateLimits } from '../waiting/rate-limits.ts'

/** The parts that the start gate works with. */
export interface StartGateParts {
  readonly maxStarts: number
  readonly table: RequestTable
  readonly dispatcher: Dispatcher
  readonly isolation: Isolation
  readonly republisher: Republisher
  /** Takes over a message that already runs here. */
  readonly twins: Pick<Twins, 'divert'>
  /** Handles tasks that may kill their workers. */
  readonly poison: PoisonMessages
  /** The consumer that brings suspects. */
  readonly suspects: Pick<Suspects, 'pause' | 'resume'>
  readonly rateLimits: RateLimits
  /** The attempts whose messages may come again. */
  readonly finished: FinishedAttempts
  /** The messages that this process held when it lost them. */
  readonly harmlessReturns: HarmlessReturns
  readonly inFlight: InFlight
  readonly logger: EventLogger
}

/** Starts what is due, unless its past requires otherwise: then it is counted, runs alone, or is quarantined. Never throws. */
export class StartGate implements WorkerObserver {
  readonly #parts: StartGateParts

  constructor(parts: StartGateParts) {
    this.#parts = parts
  }

  /** Starts a request that was held. */
  due(request: Request, inTurn: boolean): void {
    this.begin(request, { inTurn })
  }

  /** Starts a request that is due, if its past and its rate limit (unless it is `inTurn`) allow. */
  begin(request: Request, { inTurn = false } = {}): void {
    const { dispatcher, isolation, maxStarts, inFlight, poison, rateLimits, republisher, table, twins } = this.#parts
    const { delivery, source, message } = request
    if (inFlight.closed) {
      this.#return(request)
      return
    }
    if (request.takenBack) {
      forget(request, this.#parts)
      return
    }
    if (request.mayBeTwin && twins.divert(request, inTurn)) return
    const facts = factsOf(delivery, source, request.lostWithConnection)
    const original = republisher.underway(message.id)
    if (original !== undefined) {
      inFlight.track(original.then(() => this.begin(request, { inTurn })))
      return
    }
    const isolated = isolation.covers(message.task)
    const decision = decideStart(facts, { maxStarts, isolated })
    // Suspects passed the rate limit before they became suspects; a copy passes it when it arrives.
    if (source === 'tasks' && decision.kind !== 'mark' && !inTurn && rateLimits.limits(message.task)) {
      if (isWorn(facts)) {
        inFlight.track(this.renew(request, () => this.#takeTurn(request, inTurn)))
        return
      }
      if (!rateLimits.admit(request)) return
    }
    switch (decision.kind) {
      case 'run':
        if (source === 'tasks') dispatcher.submit(request)
        else if (!isolated) dispatcher.startAtOnce(request)
        else if (isolation.ready) dispatcher.startAtOnce(request, isolation)
        else inFlight.track(this.#postpone(request))
        return
      case 'mark':
        inFlight.track(this.renew(request, () => this.#takeTurn(request, inTurn)))
        return
      case 'suspect':
        inFlight.track(poison.suspect(request, decision, whySuspected(decision, facts)))
        return
      case 'quarantine':
        table.remove(request)
        inFlight.track(poison.quarantine(request, decision.starts))
        return
    }
  }

  /** Whether a request must not wait here unchanged: see `isWorn`. */
  isWorn({ delivery, source }: Request): boolean {
    return isWorn(factsOf(delivery, source))
  }

  /**
   * Replaces a request by a copy that is counted anew; if the broker refuses, one that may have killed its worker continues as a
   * suspect, and for any other `otherwise` is called. Never rejects.
   */
  async renew(request: Request, otherwise: () => void): Promise<void> {
    const { finished, logger, maxStarts, inFlight, poison, republisher, table } = this.#parts
    const facts = factsOf(request.delivery, request.source, request.lostWithConnection)
    try {
      const { delivery, message } = request
      const gone = await republisher.mark(message.id, request, markableStarts(facts, maxStarts))
      if (!gone) finished.addOriginal(message, delivery)
      table.remove(request)
    } catch (error) {
      // For example a full queue. A message that may have killed its worker must not run uncounted.
      const starts = markableStarts(facts, maxStarts)
      logger.warn({ event: 'task.unmarked', ...nameOf(request), starts, error: messageOf(error) }, UNMARKED)
      if (request.takenBack) forget(request, this.#parts)
      else if (inFlight.closed) this.#return(request)
      else if (starts === 0) otherwise()
      else
        await poison.suspect(request, { starts, graceUsed: false }, 'came back, and could not be counted in its queue')
    }
  }

  #return(request: Request): void {
    const { inFlight, republisher, table } = this.#parts
    table.remove(request)
    inFlight.track(republisher.giveBack([request]))
  }

  #takeTurn(request: Request, inTurn: boolean): void {
    const { dispatcher, rateLimits } = this.#parts
    if (inTurn || rateLimits.admit(request)) dispatcher.submit(request)
  }

  /**
   * Publishes a suspect to its queue again until there is a process for it: a worker does not hold a suspect that does not run.
   */
  async #postpone(request: Request): Promise<void> {
    const { isolation, logger, republisher, suspects, table } = this.#parts
    const prepared = isolation.prepare()
    await suspects.pause()
    try {
      await republisher.postpone(request.message.id, request)
      table.remove(request)
    } catch (error) {
      logger.warn(
        { event: 'task.kept', ...nameOf(request), error: messageOf(error) },
        'suspect not postponed; it waits',
      )
      void prepared.then(() => this.begin(request))
    }
    void prepared.then(() => suspects.resume())
  }
}

const UNMARKED = 'a message that came back could not be replaced by a copy that is counted anew'

/** For the history of a message. */
function whySuspected({ starts }: Past, { source, redelivered, lostWithConnection }: DeliveryFacts): string {
  if (source === 'tasks') return `came back again; its workers may have died of it ${starts} times`
  if (lostWithConnection) return 'came back with a connection that was lost'
  return redelivered ? 'came back; the worker that ran it alone has ended' : 'runs in the worker itself'
}
