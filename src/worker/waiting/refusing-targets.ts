import { hintOf, messageOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'

const SAID_AT_LEAST_EVERY = 20

/**
 * The queues to which messages can't be published for now, and how often that was tried: logged at once, then less and less
 * often.
 */
export class RefusingTargets {
  readonly #logger: EventLogger
  readonly #tries = new Map<string, number>()

  constructor(logger: EventLogger) {
    this.#logger = logger
  }

  /** Whether the last message could not be published there. */
  has(target: string): boolean {
    return this.#tries.has(target)
  }

  /** Records that it accepts messages again. */
  takes(target: string): void {
    this.#tries.delete(target)
  }

  clear(): void {
    this.#tries.clear()
  }

  /** Records that it refused the message named by `fields`, and logs that; `counts` are the waiting messages. */
  refused(
    target: string,
    error: unknown,
    fields: object,
    counts: { readonly held: number; readonly bytes: number },
  ): void {
    if (TwqError.is(error, 'TWQ_CLOSED')) return
    const known = this.#tries.get(target)
    const tries = (known ?? 0) + 1
    this.#tries.set(target, tries)
    const why = { error: messageOf(error), hint: hintOf(error) }
    if (known === undefined) {
      this.#logger.error({ event: 'message.stuck', ...fields, target, ...why }, STUCK)
      return
    }
    const due = (tries & (tries - 1)) === 0 || tries % SAID_AT_LEAST_EVERY === 0
    if (due) this.#logger.error({ event: 'messages.stuck', target, ...counts, ...why }, STILL_STUCK)
  }
}

const STUCK = 'a message could not be set aside; it is held, beside the places of tasks, and tried again every 30 s'
const STILL_STUCK = 'messages cannot be set aside, and are held'
