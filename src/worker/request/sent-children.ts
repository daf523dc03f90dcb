import type { ResultTuple } from '../../protocol/chord/chord.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'

// A limit, since a result must not grow without bounds with what its task sends.
const MOST_CHILDREN = 10_000

/** What tasks have sent while they ran: their results list it as their children (wire specification 4.1), the first 10,000. */
export class SentChildren {
  readonly #children = new WeakMap<TaskMessage, ResultTuple[]>()

  /** Adds what the task of `parent` has sent; null adds nothing. */
  add(parent: TaskMessage, child: ResultTuple | null): void {
    if (child === null) return
    const children = this.#children.get(parent)
    if (children === undefined) this.#children.set(parent, [child])
    else if (children.length < MOST_CHILDREN) children.push(child)
  }

  /** In the order of sending. */
  of(message: TaskMessage): readonly ResultTuple[] {
    return this.#children.get(message) ?? NONE
  }
}

const NONE: readonly ResultTuple[] = []
