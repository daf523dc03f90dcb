import { quarantineQueue } from '../../protocol/headers/quarantine.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import type { Request } from '../request/request.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { Refusal } from './refusals.ts'

/** What setting aside takes. */
export interface EndedAsideParts {
  readonly quarantine: Pick<Quarantine, 'take'>
  /** Where those wait that can't be set aside. */
  readonly aside: Pick<HeldAside, 'settle'>
  readonly finished: Pick<FinishedAttempts, 'addUnquarantined' | 'quarantined'>
}

/**
 * Sets aside the messages of tasks that have ended. A message that the quarantine does not take is held in `HeldAside`, like
 * one that never ran: it takes no slot and no place of the prefetch. Where it is delivered again it is quarantined, not run.
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
    const { delivery, queue, source, message } = request
    const { id, task } = message
    let safe = false
    const settle = async (): Promise<void> => {
      if (!safe) await quarantine.take(delivery, queue, { type, detail, id, task })
      safe = true
      finished.quarantined(message)
      acknowledge()
    }
    if (request.acknowledged) return await settle()
    const ended = `${attemptOf(message)} ${type}: ${detail}`
    // From now on: its channel may be lost at any time.
    finished.addUnquarantined(message, ended)
    const fields = { task_id: id, task, queue, reason: type, detail }
    await aside.settle({ delivery, queue, source, target: quarantineQueue(queue), ended, fields, settle })
  }
}

/**
 * Why a message is set aside that came again after its task had `ended`; undefined where that is about another attempt:
 * Celery's retry, and user code that hands its headers on, sends our marks along.
 */
export function refusalOf(message: TaskMessage, ended: string): Refusal | undefined {
  const { id, task } = message
  const attempt = `${attemptOf(message)} `
  if (!ended.startsWith(attempt)) return undefined
  const said = ended.slice(attempt.length)
  const [, type = 'Error', detail = said] = /^([^:\s]+): (.*)$/s.exec(said) ?? []
  const error = { type, module: 'builtins', args: [detail], traceback: null }
  return { error, detail, id, task, replyTo: undefined, correlationId: undefined, discard: false, told: true }
}

// Ids can be of any length, and the mark can't.
const LONGEST_ID = 100

function attemptOf({ id, retries, replacedTaskNesting, rerun }: TaskMessage): string {
  return `${retries}/${replacedTaskNesting}/${rerun}/${id.slice(0, LONGEST_ID)}`
}
