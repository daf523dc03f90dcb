import { quarantineQueue } from '../protocol/quarantine.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { FinishedAttempts } from './finished-attempts.ts'
import type { HeldAside } from './held-aside.ts'
import type { Quarantine } from './quarantine.ts'
import type { Refusal } from './refusals.ts'
import type { Request } from './request.ts'

/** What setting aside takes. */
export interface EndedAsideParts {
  readonly quarantine: Pick<Quarantine, 'take'>
  /** Where those wait that can't be set aside. */
  readonly aside: Pick<HeldAside, 'settle'>
  readonly finished: Pick<FinishedAttempts, 'addUnquarantined' | 'quarantined'>
}

/**
 * Sets aside the messages of tasks that have ended. One that the quarantine does not take waits with those that were never
 * run, and holds no slot and no place of the prefetch; where it comes again it is set aside, not run.
 */
export class EndedAside {
  readonly #parts: EndedAsideParts

  constructor(parts: EndedAsideParts) {
    this.#parts = parts
  }

  /**
   * Resolves when the message is set aside, and `acknowledge` was called, or when it is held for that. Rejects only for one
   * that was acknowledged when its attempt started: it is nowhere but here.
   */
  async setAside(
    request: Request,
    { type, detail }: { readonly type: string; readonly detail: string },
    acknowledge: () => void,
  ): Promise<void> {
    const { quarantine, aside, finished } = this.#parts
    const { delivery, queue, lane, message } = request
    const { id, task } = message
    let safe = false
    const settle = async (): Promise<void> => {
      if (!safe) await quarantine.take(delivery, queue, { type, detail, id, task })
      safe = true
      finished.quarantined(message)
      acknowledge()
    }
    if (request.acknowledged) return await settle()
    const ended = `${type}: ${detail}`
    // From now on: its channel may be lost at any time.
    finished.addUnquarantined(message, ended)
    const fields = { task_id: id, task, queue, reason: type, detail }
    await aside.settle({ delivery, queue, lane, target: quarantineQueue(queue), ended, fields, settle })
  }
}

/** Why a message is set aside that came again after its task had `ended`. */
export function refusalOf({ id, task }: TaskMessage, ended: string): Refusal {
  const [, type = 'Error', detail = ended] = /^([^:\s]+): (.*)$/s.exec(ended) ?? []
  const error = { type, module: 'builtins', args: [detail], traceback: null }
  return { error, detail, id, task, replyTo: undefined, correlationId: undefined, discard: false, told: true }
}
