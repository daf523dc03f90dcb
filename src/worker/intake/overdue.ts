import type { Session } from '../../broker/session.ts'
import { messageOf } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { WorkAhead } from '../consume/work-ahead.ts'
import type { Republisher } from '../quarantine/republisher.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import { forget, type HarmlessReturns } from '../request/harmless-returns.ts'
import type { InFlight } from '../request/in-flight.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Dispatcher } from '../run/dispatcher.ts'

/** The parts for returning overdue messages. */
export interface OverdueParts {
  readonly workAhead: Pick<WorkAhead, 'enabled' | 'close'>
  /** Counts our own consumers among those that the broker reports. */
  readonly consumer: Pick<Consumer, 'consumersOf'>
  readonly prefetch: Pick<Prefetch, 'base' | 'ahead' | 'upToDate'>
  readonly dispatcher: Pick<Dispatcher, 'waiting' | 'unfinished' | 'next' | 'last' | 'takeOut' | 'submit'>
  readonly republisher: Pick<Republisher, 'passOn' | 'giveBack'>
  /** The channels for querying the broker about queues. */
  readonly declaring: Pick<Session, 'withChannel'>
  readonly table: RequestTable
  readonly inFlight: InFlight
  readonly finished: FinishedAttempts
  readonly harmlessReturns: HarmlessReturns
  readonly clock: Clock
  readonly logger: EventLogger
}

// In milliseconds. Each check queries the broker: the interval grows while there are no other consumers.
const LOOK_EVERY = 250
const LOOK_AT_LEAST_EVERY = 1_000
const OVERDUE_AFTER = 500
const LONGEST_PATIENCE = 30_000
// Then also without other consumers: far below RabbitMQ's consumer timeout of 30 minutes.
const IN_ANY_CASE_AFTER = 600_000

/**
 * Returns messages that the work-ahead window fetched and slow tasks keep waiting, so that no other worker is idle meanwhile.
 * Once the window is closed and the broker knows, messages beyond the base of the prefetch count go to the end of their queue:
 * after half a second if nothing is ready there and others consume it, after ten minutes in any case.
 */
export class Overdue implements WorkerObserver {
  readonly #parts: OverdueParts
  #timer: Timer | undefined
  #stopped = false
  /** How long the next request waits before it is overdue: longer if the broker redelivers what was returned. */
  #patience = OVERDUE_AFTER
  /** Until the next look. */
  #pause = LOOK_EVERY

  constructor(parts: OverdueParts) {
    this.#parts = parts
  }

  /** A request found no free slot. */
  waiting(): void {
    if (this.#timer === undefined && this.#surplus > 0) this.#lookLater()
  }

  stopping(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** The number of requests in hand beyond the count without a window. */
  get #surplus(): number {
    const { dispatcher, prefetch } = this.#parts
    if (prefetch.base === 0) return 0
    return Math.min(dispatcher.unfinished + dispatcher.waiting - prefetch.base, dispatcher.waiting)
  }

  #lookLater(): void {
    if (this.#stopped || !this.#parts.workAhead.enabled) return
    this.#timer = this.#parts.clock.after(this.#pause, () => {
      void this.#look().then((inVain) => {
        this.#pause = inVain ? Math.min(this.#pause * 2, LOOK_AT_LEAST_EVERY) : LOOK_EVERY
        this.#timer = undefined
        if (this.#surplus > 0) this.#lookLater()
      })
    })
  }

  /** Resolves with true if the broker was queried, and no other consumer wants the messages that wait here. */
  async #look(): Promise<boolean> {
    const { workAhead, prefetch } = this.#parts
    if (prefetch.ahead > 0) this.#patience = OVERDUE_AFTER
    const waited = this.#waited()
    if (this.#surplus <= 0 || waited < this.#patience) return false
    // First it is ensured that no more arrive.
    if (prefetch.ahead > 0) workAhead.close()
    if (!prefetch.upToDate) return false
    const returnable = this.#parts.dispatcher.last(this.#surplus).filter(mayReturn)
    const names = new Set(returnable.map(({ queue }) => queue))
    const inAnyCase = waited >= IN_ANY_CASE_AFTER
    const queues = inAnyCase ? names : await this.#wantedElsewhere(names)
    if (queues.size > 0) this.#return(queues)
    return queues.size === 0
  }

  /** How long the next request has waited, in milliseconds. */
  #waited(): number {
    const { dispatcher, clock } = this.#parts
    const { receivedAt } = dispatcher.next ?? {}
    return receivedAt === undefined ? 0 : clock.now() - receivedAt
  }

  /** The queues that have nothing ready and have other consumers. */
  async #wantedElsewhere(names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const wanted = new Set<string>()
    for (const name of names) {
      try {
        const { messages, consumers } = await this.#parts.declaring.withChannel((channel) => channel.inspectQueue(name))
        if (messages === 0 && consumers > this.#parts.consumer.consumersOf(name)) wanted.add(name)
      } catch {
        // Without an answer they stay.
      }
    }
    return wanted
  }

  #return(queues: ReadonlySet<string>): void {
    const { dispatcher, inFlight, prefetch, logger } = this.#parts
    // Changes while the broker was queried.
    if (this.#stopped || inFlight.closed || !prefetch.upToDate || this.#surplus <= 0) return
    const returned = dispatcher.last(this.#surplus).filter((request) => mayReturn(request) && queues.has(request.queue))
    if (returned.length === 0) return
    dispatcher.takeOut(new Set(returned))
    this.#patience = Math.min(this.#patience * 2, LONGEST_PATIENCE)
    const fields = { event: 'tasks.passed-on' as const, count: returned.length, queues: [...queues] }
    logger.info(fields, 'tasks that waited behind slow ones go back to their queue, for other workers')
    for (const request of returned) inFlight.track(this.#passOn(request))
  }

  /** Never rejects: messages that the broker refuses keep waiting. */
  async #passOn(request: Request): Promise<void> {
    const { dispatcher, finished, inFlight, logger, republisher, table } = this.#parts
    const { message, delivery, queue } = request
    try {
      if (!(await republisher.passOn(message.id, request))) finished.addOriginal(message, delivery)
      table.remove(request)
    } catch (error) {
      const fields = { task_id: message.id, task: message.task, queue, error: messageOf(error) }
      logger.debug({ event: 'task.not-passed-on', ...fields }, 'task not passed on; it waits')
      if (request.takenBack) forget(request, this.#parts)
      else if (!inFlight.closed) dispatcher.submit(request)
      else {
        table.remove(request)
        await republisher.giveBack([request])
      }
    }
  }
}

/** False for a message that was delivered before, waited for its ETA, or has a twin here: its past is recorded here. */
function mayReturn({ source, message, mayBeTwin, delivery }: Request): boolean {
  return source === 'tasks' && !mayBeTwin && !delivery.redelivered && message.eta === undefined
}
