import type { TaskMessage } from '../../protocol/task-message.ts'

/** What tells one attempt's message from another's. */
export type AttemptKey = Pick<TaskMessage, 'id' | 'retries' | 'replacedTaskNesting' | 'rerun'>

const MOST = 10_000
/** Bytes of an id as Celery makes them. */
const UUID = 36

/**
 * The attempts that were acknowledged last. AMQP confirms no acknowledgement: when a channel is lost, the newest ones may not
 * have been carried out, and the broker delivers their messages again. It counts those as unacknowledged all the while, so
 * they are no more than the prefetch count.
 */
export class RecentAcks {
  // As bytes: strings that live for 10,000 tasks are moved to old space, one after the other, and stay there until a full collection.
  readonly #ids = Buffer.allocUnsafeSlow(MOST * UUID)
  /** The ids that have another length, or other characters than ASCII. */
  readonly #unusual = new Map<number, string>()
  #known = 0
  readonly #retries: number[] = []
  readonly #nestings: number[] = []
  readonly #reruns: number[] = []
  #next = 0

  add({ id, retries, replacedTaskNesting, rerun }: AttemptKey): void {
    const at = this.#next
    if (this.#unusual.size > 0) this.#unusual.delete(at)
    if (id.length === UUID && Buffer.byteLength(id) === UUID) this.#ids.write(id, at * UUID, UUID, 'latin1')
    else this.#unusual.set(at, id)
    if (this.#known < MOST) this.#known += 1
    this.#retries[at] = retries
    this.#nestings[at] = replacedTaskNesting
    this.#reruns[at] = rerun
    this.#next = at + 1 === MOST ? 0 : at + 1
  }

  /** The newest, as many as `count`, and at most 10,000; 0 is all. */
  newest(count: number): AttemptKey[] {
    const known = this.#known
    const wanted = Math.min(count === 0 ? MOST : count, known)
    return Array.from({ length: wanted }, (_, back) => {
      const at = (this.#next - 1 - back + known) % known
      return {
        id: this.#unusual.get(at) ?? this.#ids.toString('latin1', at * UUID, (at + 1) * UUID),
        retries: this.#retries[at] as number,
        replacedTaskNesting: this.#nestings[at] as number,
        rerun: this.#reruns[at] as number,
      }
    })
  }
}
