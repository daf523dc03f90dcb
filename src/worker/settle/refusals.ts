import { failedQueue, quarantineQueue } from '../../protocol/companion-queues.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { FollowUps } from '../follow-ups/follow-ups.ts'
import { storeOrFail } from '../follow-ups/store-result.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import type { HeldMessage } from '../quarantine/republisher.ts'
import { Progress } from '../request/progress.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { FailedMessages } from './failed-messages.ts'

/** Why a message can't be run, and who waits for its result. */
export interface Refusal {
  readonly error: RemoteError
  readonly detail: string
  readonly starts?: number
  readonly id: string | undefined
  readonly task: string | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  /** Its links: its follow-ups, and the chord that it counts for. */
  readonly place?: TaskMessage | undefined
  readonly discard: boolean
  /** Its task has run and failed: its result is stored, and its message must be kept with the failures. */
  readonly ran?: TaskMessage
}

/** The parts that setting aside works with. */
export interface RefusalsParts {
  readonly quarantine: Quarantine
  readonly failed: Pick<FailedMessages, 'take' | 'leastOf'>
  readonly results: ResultBackend
  /** Holds those that can't be set aside. */
  readonly aside: HeldAside
  readonly followUps: Pick<FollowUps, 'abandon'>
  readonly logger: EventLogger
}

/** Quarantines or drops messages that can't be run, and stores their failure for the caller. */
export class Refusals {
  readonly #parts: RefusalsParts

  constructor(parts: RefusalsParts) {
    this.#parts = parts
  }

  /**
   * Quarantines or discards a delivery. One that can't be set aside for now is held and set aside later: resolves when either is
   * done. Never rejects.
   */
  async setAside({ delivery, queue, source, ended }: HeldMessage, refusal: Refusal): Promise<void> {
    const { aside, logger } = this.#parts
    const { error, detail, id, task, discard, ran } = refusal
    const fields = { task_id: id, task, queue, reason: error.type, detail }
    let safe = discard
    const progress = new Progress()
    const settle = async (): Promise<void> => {
      if (!safe) await this.#take(delivery, queue, refusal)
      // On another attempt the failure may have to be stored again, but one copy of the message in the quarantine is enough.
      safe = true
      if (ran === undefined) await this.#tell(refusal, progress)
      if (discard) delivery.nack({ requeue: false })
      else delivery.ack()
      if (ran !== undefined) logger.error({ event: 'failure.kept', ...fields }, 'message kept: its task has ended')
      else if (discard) logger.error({ event: 'message.discarded', ...fields }, 'message discarded: it cannot be used')
      else logger.error({ event: 'message.quarantined', ...fields }, 'message quarantined: it cannot be used')
    }
    const target = ran === undefined ? quarantineQueue(queue) : failedQueue(queue)
    await aside.settle({ delivery, queue, source, target, ended, fields, settle })
  }

  async #take(delivery: HeldMessage['delivery'], queue: string, refusal: Refusal): Promise<void> {
    const { quarantine, failed } = this.#parts
    const { error, detail, id, task, starts, ran } = refusal
    const { type, traceback } = error
    if (ran === undefined) return await quarantine.take(delivery, queue, { type, detail, id, task, starts })
    const failure = { delivery, queue, message: ran, startedAt: undefined, outcome: 'failed', type, detail, traceback }
    await failed.take(failure, failed.leastOf(ran.task))
  }

  async #tell({ id, replyTo, correlationId, error, place }: Refusal, progress: Progress): Promise<void> {
    const { results, followUps } = this.#parts
    if (id === undefined) return
    const record = { taskId: id, state: 'FAILURE', error, traceback: error.traceback, children: [] } as const
    await storeOrFail(results, record, { id, replyTo: replyTo ?? '', correlationId: correlationId ?? id })
    if (place !== undefined) await followUps.abandon(place, record, progress)
  }
}
