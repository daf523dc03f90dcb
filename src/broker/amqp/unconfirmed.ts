import type { Route } from '../../protocol/wire.ts'
import { ShortLivedMap } from '../../runtime/short-lived-map.ts'
import type { PublishListener } from '../broker.ts'

/** One publish whose confirm is awaited. */
export interface Unconfirmed {
  readonly route: Route
  /** Bytes of its body. */
  readonly size: number
  readonly messageId: string | undefined
  readonly mandatory: boolean
  returned: boolean
  readonly listener: PublishListener
}

/** The publishes of one confirm channel that the broker has not answered yet, by their delivery tags. */
export class UnconfirmedPublishes {
  /** In the order of publishing, which is ascending. */
  readonly #byTag = new ShortLivedMap<number, Unconfirmed>()
  #last = 0
  /** The tag of the publish that was returned last. */
  #lastReturned = 0

  get size(): number {
    return this.#byTag.size
  }

  add(publish: Unconfirmed): void {
    this.#last += 1
    this.#byTag.set(this.#last, publish)
  }

  /** The broker answered for `tag`, and with `multiple` for everything before it. */
  settle(tag: number, multiple: boolean, answer: (publish: Unconfirmed) => void): void {
    if (!multiple) {
      const publish = this.#byTag.take(tag)
      if (publish !== undefined) answer(publish)
      return
    }
    for (const earlier of this.#byTag.keys()) {
      if (earlier > tag) return
      const publish = this.#byTag.take(earlier)
      if (publish !== undefined) answer(publish)
    }
  }

  /**
   * A mandatory message came back. RabbitMQ confirms it only afterwards, and returns in the order of publishing, so that those up to
   * the last one that came back are not looked at again.
   */
  returned(messageId: string | undefined, route: Route): void {
    const oldest = this.#byTag.keys().next().value ?? this.#last + 1
    for (let tag = Math.max(oldest, this.#lastReturned + 1); tag <= this.#last; tag += 1) {
      const publish = this.#byTag.get(tag)
      if (publish === undefined || !publish.mandatory || publish.messageId !== messageId) continue
      if (publish.route.routingKey !== route.routingKey || publish.route.exchange !== route.exchange) continue
      publish.returned = true
      this.#lastReturned = tag
      return
    }
  }

  /** Returns all unanswered publishes, in order, and forgets them. */
  drain(): Unconfirmed[] {
    const left = this.#byTag.values()
    this.#byTag.clear()
    return left
  }
}
