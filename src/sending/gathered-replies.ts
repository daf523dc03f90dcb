import type { ControlReply } from '../protocol/remote/pidbox.ts'
import { isName } from '../protocol/task-fields.ts'
import { heldSize } from '../runtime/held-size.ts'
import type { Json } from '../runtime/json.ts'

const MOST_NODES = 10_000
const MOST_BYTES = 64 * 1024 * 1024

/**
 * The replies to one question, the last of each node. It holds those of 10,000 nodes, and about 64 MiB of memory, at most: what comes
 * beyond that is passed over and counted, as are replies in a name that no node can have.
 */
export class GatheredReplies {
  readonly #replies = new Map<string, Json>()
  readonly #sizes = new Map<string, number>()
  readonly #mostNodes: number
  readonly #mostBytes: number
  #bytes = 0
  #dropped = 0

  constructor(bounds: { readonly nodes?: number; readonly bytes?: number } = {}) {
    this.#mostNodes = bounds.nodes ?? MOST_NODES
    this.#mostBytes = bounds.bytes ?? MOST_BYTES
  }

  get replies(): Map<string, Json> {
    return this.#replies
  }

  /** How many were passed over. */
  get dropped(): number {
    return this.#dropped
  }

  add({ node, value }: ControlReply): void {
    const size = heldSize(node) + heldSize(value)
    const others = this.#bytes - (this.#sizes.get(node) ?? 0)
    const isOneTooMany = this.#replies.size >= this.#mostNodes && !this.#replies.has(node)
    if (!isName(node) || isOneTooMany || others + size > this.#mostBytes) {
      this.#dropped += 1
      return
    }
    this.#replies.set(node, value)
    this.#sizes.set(node, size)
    this.#bytes = others + size
  }
}
