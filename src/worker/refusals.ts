import type { Delivery } from '../broker/broker.ts'
import type { Abandoned } from '../canvas/follow-ups.ts'
import { messageOf } from '../errors.ts'
import type { RemoteError } from '../protocol/result-record.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { Logger } from '../runtime/logger.ts'
import type { Quarantine } from './quarantine.ts'

/** What can't be run: why, and whom to tell. */
export interface Refusal {
  readonly error: RemoteError
  readonly detail: string
  readonly starts?: number
  readonly id: string | undefined
  readonly task: string | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  /** Those who wait for what was to run after it. */
  readonly abandoned?: readonly Abandoned[]
  readonly discard: boolean
}

/** What setting aside takes. */
export interface RefusalsParts {
  readonly quarantine: Quarantine
  readonly results: ResultBackend
  readonly logger: Logger
}

/** Sets aside what can't be run, and tells whoever waits for it. */
export class Refusals {
  readonly #parts: RefusalsParts

  constructor(parts: RefusalsParts) {
    this.#parts = parts
  }

  /** Quarantines or discards a delivery; what can't be set aside stays unacknowledged. Never rejects. */
  async setAside(delivery: Delivery, queue: string, refusal: Refusal): Promise<void> {
    const { quarantine, logger } = this.#parts
    const fields = {
      task_id: refusal.id,
      task: refusal.task,
      queue,
      reason: refusal.error.type,
      detail: refusal.detail,
    }
    try {
      if (!refusal.discard) {
        const { error, detail, id, task, starts } = refusal
        await quarantine.take(delivery, queue, { type: error.type, detail, id, task, starts })
      }
      await this.#tell(refusal)
    } catch (error) {
      // Unacknowledged it is safe with the broker, and comes again with the next connection.
      logger.error({ event: 'message.stuck', ...fields, error: messageOf(error) }, STUCK)
      return
    }
    if (refusal.discard) delivery.nack({ requeue: false })
    else delivery.ack()
    const message = refusal.discard
      ? 'message discarded: it can not be used'
      : 'message quarantined: it can not be used'
    logger.error({ event: refusal.discard ? 'message.discarded' : 'message.quarantined', ...fields }, message)
  }

  async #tell({ id, replyTo, correlationId, error, abandoned = [] }: Refusal): Promise<void> {
    const own = id === undefined ? [] : [{ id, replyTo: replyTo ?? '', correlationId: correlationId ?? id }]
    for (const waiting of [...own, ...abandoned]) {
      await this.#parts.results.store(
        { taskId: waiting.id, state: 'FAILURE', error, traceback: error.traceback, children: [] },
        waiting,
      )
    }
  }
}

/** What is said of a message that can't be set aside. */
export const STUCK = 'a message could not be set aside; it stays unacknowledged'
