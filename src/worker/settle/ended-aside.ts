import { failedQueue } from '../../protocol/companion-queues.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import type { Request } from '../request/request.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { FailedMessages, Failure, KeepListener } from './failed-messages.ts'
import type { Refusal } from './refusals.ts'

/** The parts that setting aside works with. */
export interface EndedAsideParts {
  readonly failed: Pick<FailedMessages, 'keep' | 'take' | 'partOf' | 'leastOf'>
  /** Holds messages that must be kept and can't be for now. */
  readonly aside: Pick<HeldAside, 'settle'>
  readonly finished: Pick<FinishedAttempts, 'addUnquarantined' | 'quarantined'>
}

/** How a task ended: its error, and the kind of its outcome. */
export type Why = Pick<Failure, 'type' | 'detail' | 'traceback' | 'outcome'>

/**
 * Keeps the messages of failed tasks in `<queue>.failed`. A message that must be kept and that the queue does not accept is held
 * in `HeldAside`, like one that never ran: it takes no slot and no place in the prefetch. If it is redelivered it is kept, not
 * run.
 */
export class EndedAside {
  readonly #parts: EndedAsideParts

  constructor(parts: EndedAsideParts) {
    this.#parts = parts
  }

  /** Whether the messages of a task are kept when it fails. */
  keeps(task: string): boolean {
    return this.#parts.failed.partOf(task) !== undefined
  }

  /**
   * Keeps a copy of a failed task's message, if failures of that task are kept and the queue accepts it: true then; see
   * `FailedMessages.keep`.
   */
  keep(request: Request, why: Why): Promise<boolean> {
    return new Promise((kept, refused) => this.postCopy(request, why, { kept, refused }))
  }

  /** The same without a promise. */
  postCopy(request: Request, why: Why, listener: KeepListener): void {
    const { failed } = this.#parts
    const part = failed.partOf(request.message.task)
    if (part === undefined) listener.kept(false)
    else failed.keep(failureOf(request, why), part, listener)
  }

  /**
   * Resolves when the message is kept and `acknowledge` was called, or when it is held for that. Rejects only for a message that
   * was acknowledged when its attempt started: no other copy of it exists.
   */
  async setAside(request: Request, why: Why, acknowledge: () => void): Promise<void> {
    const { failed, aside, finished } = this.#parts
    const { delivery, queue, source, message } = request
    const { id, task } = message
    const { type, detail } = why
    let safe = false
    const settle = async (): Promise<void> => {
      if (!safe) await failed.take(failureOf(request, why), failed.leastOf(task))
      safe = true
      finished.quarantined(message)
      acknowledge()
    }
    if (request.acknowledged) return await settle()
    const ended = `${attemptOf(message)} ${type}: ${detail}`
    // From here on its channel may be lost at any time.
    finished.addUnquarantined(message, ended)
    const fields = { task_id: id, task, queue, reason: type, detail }
    await aside.settle({ delivery, queue, source, target: failedQueue(queue), ended, fields, settle })
  }
}

function failureOf({ delivery, queue, message, startedAt }: Request, why: Why): Failure {
  return { delivery, queue, message, startedAt, ...why }
}

/**
 * Why a message is set aside that was redelivered after its task had `ended`; undefined if that mark belongs to another attempt:
 * Celery's retry, and user code that passes its headers on, copy our marks.
 */
export function refusalOf(message: TaskMessage, ended: string): Refusal | undefined {
  const { id, task } = message
  const attempt = `${attemptOf(message)} `
  if (!ended.startsWith(attempt)) return undefined
  const said = ended.slice(attempt.length)
  const [, type = 'Error', detail = said] = /^([^:\s]+): (.*)$/s.exec(said) ?? []
  const error = { type, module: 'builtins', args: [detail], traceback: null }
  return { error, detail, id, task, replyTo: undefined, correlationId: undefined, discard: false, ran: message }
}

// Ids can have any length, and the mark can't.
const LONGEST_ID = 100

function attemptOf({ id, retries, replacedTaskNesting, rerun }: TaskMessage): string {
  return `${retries}/${replacedTaskNesting}/${rerun}/${id.slice(0, LONGEST_ID)}`
}
