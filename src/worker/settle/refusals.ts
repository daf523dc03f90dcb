import { quarantineQueue } from '../../protocol/headers/quarantine.ts'
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

/** What can't be run: why, and whom to tell. */
export interface Refusal {
  readonly error: RemoteError
  readonly detail: string
  readonly starts?: number
  readonly id: string | undefined
  readonly task: string | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  /** Its place among others: what was to run after it, and the chord that it counts for. */
  readonly place?: TaskMessage | undefined
  readonly discard: boolean
  /** The result was stored already, when the task ended. */
  readonly told?: true
}

/** What setting aside takes. */
export interface RefusalsParts {
  readonly quarantine: Quarantine
  readonly results: ResultBackend
  /** Where those wait that can't be set aside. */
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
   * Quarantines or discards a delivery. One that can't be set aside for now is held, and set aside later: resolves when
   * either is done. Never rejects.
   */
  async setAside({ delivery, queue, source, ended }: HeldMessage, refusal: Refusal): Promise<void> {
    const { quarantine, aside, logger } = this.#parts
    const { error, detail, id, task, starts, discard } = refusal
    const fields = { task_id: id, task, queue, reason: error.type, detail }
    let safe = discard
    const progress = new Progress()
    const settle = async (): Promise<void> => {
      if (!safe) await quarantine.take(delivery, queue, { type: error.type, detail, id, task, starts })
      // On another try the failure may have to be stored again, but one copy of the message in the quarantine is enough.
      safe = true
      if (refusal.told !== true) await this.#tell(refusal, progress)
      if (discard) delivery.nack({ requeue: false })
      else delivery.ack()
      const why = refusal.told === true ? 'its task has ended' : 'it can not be used'
      const said = `message ${discard ? 'discarded' : 'quarantined'}: ${why}`
      logger.error({ event: discard ? 'message.discarded' : 'message.quarantined', ...fields }, said)
    }
    await aside.settle({ delivery, queue, source, target: quarantineQueue(queue), ended, fields, settle })
  }

  async #tell({ id, replyTo, correlationId, error, place }: Refusal, progress: Progress): Promise<void> {
    const { results, followUps } = this.#parts
    if (id === undefined) return
    const record = { taskId: id, state: 'FAILURE', error, traceback: error.traceback, children: [] } as const
    await storeOrFail(results, record, { id, replyTo: replyTo ?? '', correlationId: correlationId ?? id })
    if (place !== undefined) await followUps.abandon(place, record, progress)
  }
}
