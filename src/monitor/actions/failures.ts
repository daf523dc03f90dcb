import type { Session } from '../../broker/session.ts'
import { TwqError } from '../../errors.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import { type FailedMessage, failedMessages } from '../../queues/failed.ts'
import { argumentsOf, argumentsText, readArguments } from '../../queues/failed-arguments.ts'
import { dropFailed, type FailedSweep, retryFailed } from '../../queues/failed-sweep.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type CheckableTask, checkArguments } from '../../tasks/validate-call.ts'
import type { FailedAnswer, FailedList, FailedRow } from '../answers/failed.ts'
import type { Hide } from '../store/describe-task.ts'
import { Sweeps } from './sweeps.ts'

// The limit for reading a list.
const MOST_LISTED = 500
// Longer arguments must be edited at the command line.
const LONGEST_ARGUMENTS = 10_000

const NOTHING = { retried: 0, dropped: 0, refused: 0, reason: undefined, withoutChord: 0 }

/** Finds a task by its name; undefined if it is not known here. */
export type FindTask = (name: string) => Promise<CheckableTask | undefined>

/** The failed tasks of a broker, for the page. */
export class Failures {
  readonly #sweeps: Sweeps
  readonly #clock: Clock
  readonly #hide: Hide
  readonly #findTask: FindTask

  constructor(session: Session, clock: Clock, hide: Hide, findTask: FindTask) {
    this.#sweeps = new Sweeps(session)
    this.#clock = clock
    this.#hide = hide
    this.#findTask = findTask
  }

  /** The failures of `queue`, oldest first, at most 500. */
  async list(queue: string): Promise<Pick<FailedList, 'messages' | 'unseen'>> {
    const listed = await this.#sweeps.in(failedQueue(queue), async (connection, ready) => {
      const messages: FailedRow[] = []
      for await (const message of failedMessages(connection, queue, {}, { limit: MOST_LISTED })) {
        messages.push(await this.#rowOf(message))
      }
      return { messages, unseen: Math.max(0, ready - MOST_LISTED) }
    })
    return listed ?? { messages: [], unseen: 0 }
  }

  /** Runs these tasks again. */
  async retry(queue: string, ids: readonly string[]): Promise<FailedAnswer> {
    const swept = await this.#sweeps.in(failedQueue(queue), (connection) =>
      retryFailed(connection, queue, { filter: { ids: new Set(ids) }, clock: this.#clock }),
    )
    return answerOf(swept)
  }

  /** Drops these failures for good. */
  async drop(queue: string, ids: readonly string[]): Promise<FailedAnswer> {
    const swept = await this.#sweeps.in(failedQueue(queue), (connection) =>
      dropFailed(connection, queue, { filter: { ids: new Set(ids) }, clock: this.#clock }),
    )
    return answerOf(swept)
  }

  /**
   * Retries a failed task with edited arguments, as JSON text. Rejects with `TWQ_USAGE` for malformed text and for hidden arguments, with
   * `TWQ_ARGUMENTS` for arguments that its schema or its names refuse.
   */
  async edit(queue: string, id: string, text: string): Promise<FailedAnswer> {
    const change = readArguments(text)
    const ids = new Set([id])
    const swept = await this.#sweeps.in(failedQueue(queue), async (connection) => {
      for await (const { task } of failedMessages(connection, queue, { ids })) {
        if (this.#hide({ id, name: task }).includes('args')) {
          throw new TwqError('TWQ_USAGE', 'the arguments of this task are hidden, so they cannot be edited')
        }
        const known = await this.#findTask(task ?? '')
        if (known !== undefined) await checkArguments(known, change.args, change.kwargs)
      }
      return await retryFailed(connection, queue, { filter: { ids }, clock: this.#clock }, change)
    })
    return answerOf(swept)
  }

  async #rowOf(message: FailedMessage): Promise<FailedRow> {
    const { id, task, reason, detail, traceback, time, started, node, attempts, rerun, first, part } = message
    const hidden = this.#hide({ id: id ?? '', name: task })
    const known = await this.#findTask(task ?? '')
    const hidesErrors = hidden.includes('errors')
    return {
      ...{ id, task, error: reason, time, started, node, attempts, rerun, kept: part },
      detail: hidesErrors ? '' : detail,
      traceback: hidesErrors ? undefined : (traceback ?? undefined),
      first: first && { error: first.type, detail: hidesErrors ? '' : first.detail },
      args: hidden.includes('args') ? undefined : textOf(message),
      checkedBy: known && (known.schema === undefined ? 'names' : 'schema'),
    }
  }
}

function textOf(message: FailedMessage): string | undefined {
  try {
    const text = argumentsText(argumentsOf(message))
    return text.length <= LONGEST_ARGUMENTS ? text : undefined
  } catch {
    return undefined
  }
}

function answerOf(
  swept: Pick<FailedSweep, 'retried' | 'dropped' | 'refused' | 'reason' | 'withoutChord'> = NOTHING,
): FailedAnswer {
  const { retried, dropped, refused, reason, withoutChord } = swept
  return { done: retried + dropped, refused, reason, withoutChord }
}
