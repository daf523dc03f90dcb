import type { TaskMessage } from '../../protocol/task-message.ts'

/** What tells one attempt's message from another's. */
export type AttemptKey = Pick<TaskMessage, 'id' | 'retries' | 'replacedTaskNesting' | 'rerun'>

const MOST = 10_000

/**
 * The attempts that were acknowledged last. AMQP confirms no acknowledgement: when a channel is lost, the newest ones may not
 * have been carried out, and the broker delivers their messages again. It counts those as unacknowledged all the while, so
 * they are no more than the prefetch count.
 */
export class RecentAcks {
  readonly #ids: string[] = []
  readonly #retries: number[] = []
  readonly #nestings: number[] = []
  readonly #reruns: number[] = []
  #next = 0

  add({ id, retries, replacedTaskNesting, rerun }: AttemptKey): void {
    const at = this.#next
    this.#ids[at] = id
    this.#retries[at] = retries
    this.#nestings[at] = replacedTaskNesting
    this.#reruns[at] = rerun
    this.#next = at + 1 === MOST ? 0 : at + 1
  }

  /** The newest, as many as `count`, and at most 10,000; 0 is all. */
  newest(count: number): AttemptKey[] {
    const known = this.#ids.length
    const wanted = Math.min(count === 0 ? MOST : count, known)
    return Array.from({ length: wanted }, (_, back) => {
      const at = (this.#next - 1 - back + known) % known
      return {
        id: this.#ids[at] as string,
        retries: this.#retries[at] as number,
        replacedTaskNesting: this.#nestings[at] as number,
        rerun: this.#reruns[at] as number,
      }
    })
  }
}
