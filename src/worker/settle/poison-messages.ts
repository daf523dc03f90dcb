import type { TaskEvents } from '../../events/publisher.ts'
import { suspectsQueue } from '../../protocol/companion-queues.ts'
import { taskFailed } from '../../protocol/remote/event.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { decideAfterCrash, factsOf, type Past } from '../quarantine/poison-policy.ts'
import type { Republisher } from '../quarantine/republisher.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import { forget, type HarmlessReturns } from '../request/harmless-returns.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { Refusal, Refusals } from './refusals.ts'

/** The parts for isolating and quarantining poison messages. */
export interface PoisonMessagesParts {
  readonly maxStarts: number
  readonly table: RequestTable
  readonly republisher: Republisher
  readonly refusals: Refusals
  /** Holds messages that can't be published to the suspects. */
  readonly aside: HeldAside
  readonly finished: FinishedAttempts
  readonly harmlessReturns: HarmlessReturns
  readonly events: TaskEvents
  readonly logger: EventLogger
}

/**
 * Moves tasks that may kill their workers to the suspects of their queue, and those that repeatedly do to its quarantine. Never
 * rejects.
 */
export class PoisonMessages {
  readonly #parts: PoisonMessagesParts

  constructor(parts: PoisonMessagesParts) {
    this.#parts = parts
  }

  /** Publishes a request to the suspects of its queue; while the broker refuses, `aside` holds it. `why` is for its history. */
  async suspect(request: Request, past: Past, why: string): Promise<void> {
    const { aside, finished, logger, republisher } = this.#parts
    const { delivery, source, message, queue } = request
    const { starts } = past
    const settle = async (): Promise<void> => {
      const gone = await republisher.suspect(message.id, request, past, why)
      if (!gone) finished.addOriginal(message, delivery)
      logger.warn(
        { event: 'task.suspected', ...nameOf(request), starts },
        'task may kill its workers; it will run alone',
      )
    }
    await aside.settle({ delivery, queue, source, target: suspectsQueue(queue), fields: nameOf(request), settle })
    forget(request, this.#parts)
  }

  /** Quarantines a task that started `starts` times and killed its worker each time. */
  async quarantine(request: Request, starts: number): Promise<void> {
    const { events, refusals } = this.#parts
    const refusal = killed(request, starts)
    if (events.wanted) events.emit(taskFailed(request.message.id, refusal.error))
    await refusals.setAside(request, refusal)
  }

  /** Quarantines a suspect whose process died, or sends it to the suspects again; resolves when that is done. */
  async lost(request: Request): Promise<void> {
    // The broker took it back and will redeliver it; if not with its channel, possibly later.
    if (request.takenBack) {
      request.requeue()
      return
    }
    const { delivery, source, startedAt, lostWithConnection } = request
    const facts = factsOf(delivery, source, lostWithConnection)
    const decision = decideAfterCrash(facts, { maxStarts: this.#parts.maxStarts, started: startedAt !== undefined })
    if (decision.kind === 'quarantine') await this.quarantine(request, decision.starts)
    else if (decision.kind === 'suspect') await this.suspect(request, decision, 'the process that ran it alone died')
  }
}

/** The fields of a log line that name a task. */
export function nameOf({ message, queue }: Request): { task_id: string; task: string; queue: string } {
  return { task_id: message.id, task: message.task, queue }
}

/** Why a task that kills its workers is not started any more. */
function killed({ message }: Request, starts: number): Refusal {
  const detail = `the task started ${starts} times, and every time its worker died before it ended`
  return {
    error: celeryError('WorkerLostError', [detail]),
    detail,
    starts,
    id: message.id,
    task: message.task,
    replyTo: message.replyTo,
    correlationId: message.correlationId,
    place: message,
    discard: false,
  }
}
