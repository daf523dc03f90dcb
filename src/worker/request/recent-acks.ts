import type { TaskMessage } from '../../protocol/task-message.ts'

/** What distinguishes one attempt's message from another's. */
export type AttemptKey = Pick<TaskMessage, 'id' | 'retries' | 'replacedTaskNesting' | 'rerun'>

const MOST = 10_000
/** The bytes of an id as Celery creates it. */
const UUID = 36

/**
 * The latest acknowledged attempts. AMQP does not confirm acknowledgements: if a channel is lost, the latest ones may not have
 * been processed, and the broker redelivers their messages. Until then it counts them as unacknowledged, so they are no more than
 * the prefetch count.
 */
export class RecentAcks {
  // As bytes: strings that live for 10,000 tasks are moved to old space one by one, and stay there until a full collection.
  readonly #ids = Buffer.allocUnsafeSlow(MOST * UUID)
  /** The ids with another length, or with characters other than ASCII. */
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

  /** The latest `count` ones, at most 10,000; 0 is all. */
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
