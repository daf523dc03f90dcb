import type { Channel, EndedConsumer } from '../../broker/broker.ts'
import { CONSUMER_TIMEOUT_HINT } from '../../broker/failures.ts'
import { endsLateConsumers } from '../../broker/server-version.ts'
import type { Session } from '../../broker/session.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import type { Moments } from '../request/moments.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Declarations } from './declarations.ts'

/** The parts for finding the reason why a consumer ended. */
export interface ConsumerTimeoutsParts {
  readonly session: Pick<Session, 'connection' | 'withChannel'>
  readonly declarations: Declarations
  readonly table: RequestTable
  /** Gets `takenBack`, after which requests that have not started are dropped: the broker has all of them then. */
  readonly moments: Pick<Moments, 'takenBack'>
  readonly clock: Clock
  readonly logger: EventLogger
}

// In milliseconds: how long the broker may take to delete a queue whose consumers it has ended, and the time between two checks.
const DELETION = 2_000
const BETWEEN_LOOKS = 20

// How many of the running tasks a line names.
const MOST_NAMED = 10

/**
 * Knows which messages RabbitMQ took back at its consumer timeout. From 4.3 on a quorum queue then ends the consumer, as it does
 * when it is deleted; of the consumer's messages some are back in the queue, and AMQP does not tell which.
 */
export class ConsumerTimeouts {
  readonly #parts: ConsumerTimeoutsParts
  readonly #told = new WeakSet<Request>()

  constructor(parts: ConsumerTimeoutsParts) {
    this.#parts = parts
  }

  /**
   * Judges the end of a consumer of `consumed`, a task queue `queue` or its suspects. At a timeout, running tasks continue and
   * count as taken back; messages that have not started are all returned. True if it was a timeout. Never rejects.
   */
  async ended(queue: string, consumed: string, consumer: EndedConsumer): Promise<boolean> {
    const { declarations, moments, session, clock } = this.#parts
    const server = session.connection?.server
    if (server === undefined || !endsLateConsumers(server)) return false
    try {
      if (!(await declarations.of(queue)).quorum) return false
      // A deleted queue redelivers nothing: the messages in hand run.
      await session.withChannel((channel) => untilItStays(channel, consumed, clock))
    } catch {
      return false
    }
    consumer.disown()
    this.tell({ queue: consumed, error: `the queue ended its consumer: ${TOO_LONG}`, hint: CONSUMER_TIMEOUT_HINT })
    moments.takenBack()
    return true
  }

  /** Logs which tasks ran longer than the broker waits: each once, with the hint. */
  tell(fields: { readonly error: string; readonly hint: string | undefined; readonly [field: string]: unknown }): void {
    const { logger, table } = this.#parts
    const running = table.inState('active')
    const untold = running.filter((request) => !this.#told.has(request))
    for (const request of untold) this.#told.add(request)
    const oldest = (untold.length > 0 ? untold : running).toSorted((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0))
    const tasks = oldest.slice(0, MOST_NAMED).map(({ message, startedAt = Date.now() }) => ({
      task: message.task,
      task_id: message.id,
      running_since: new Date(startedAt).toISOString(),
    }))
    if (running.length > 0 && untold.length === 0) {
      const { hint: _, ...known } = fields
      logger.info({ event: 'consumer.timeout-again', ...known, tasks }, 'the task still runs; consuming anew')
      return
    }
    logger.error(
      { event: 'consumer.timeout', ...fields, tasks },
      'a task ran longer than the broker waits; consuming anew',
    )
  }
}

/**
 * Resolves once a queue is known to stay, and rejects if it is gone. For a moment after its consumers have ended, a quorum queue
 * that is being deleted still exists, without messages and consumers. After a timeout it has the returned message, or a consumer
 * that took it.
 */
async function untilItStays(channel: Pick<Channel, 'inspectQueue'>, queue: string, clock: Clock): Promise<void> {
  const last = clock.monotonic() + DELETION
  const { signal } = new AbortController()
  for (;;) {
    const { messages, consumers } = await channel.inspectQueue(queue)
    if (messages > 0 || consumers > 0 || clock.monotonic() >= last) return
    await pause(clock, BETWEEN_LOOKS, signal)
  }
}

const TOO_LONG = 'a message was not acknowledged within its consumer timeout'
