import type { Route } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'

/** Milliseconds from one new channel for a route to the next: they double while it is refused. */
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 60_000
/** Milliseconds: a route that was not refused for so long starts anew. */
const FORGOTTEN_AFTER = 5 * 60_000
/** Routes that are remembered. */
const MOST_ROUTES = 1_000

interface Refused {
  /** When another channel may be opened for it next, by the monotonic clock. */
  due: number
  pause: number
  last: number
}

/** A message that was refused so often over one channel may be taken over another. */
export const REFUSALS_OF_A_CHANNEL = 3

/**
 * Decides when a route whose messages the broker refuses is tried over another channel. A channel of RabbitMQ 3.10 whose first message for
 * a quorum queue came while that had just lost its leader goes on asking the lost node, and refuses everything for this queue until that
 * is back (`rabbit_fifo_client:enqueue/3`); another channel finds the new leader. A full queue refuses over every channel: so for each
 * route the pauses between new channels grow.
 */
export class RefusedRoutes {
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #routes = new Map<string, Refused>()

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  get size(): number {
    return this.#routes.size
  }

  /** Notes that a message was refused time and again; true where another channel is to be opened now. */
  refused(route: Route): boolean {
    const now = this.#clock.monotonic()
    const key = keyOf(route)
    const known = this.#routes.get(key)
    if (known !== undefined && now - known.last < FORGOTTEN_AFTER) {
      known.last = now
      if (now < known.due) return false
      known.due = now + known.pause
      known.pause = Math.min(2 * known.pause, LONGEST_PAUSE)
      return true
    }
    const [oldest] = this.#routes.keys()
    if (this.#routes.size >= MOST_ROUTES && oldest !== undefined) this.#routes.delete(oldest)
    this.#routes.set(key, { due: now + FIRST_PAUSE, pause: 2 * FIRST_PAUSE, last: now })
    return true
  }

  /** Notes that the broker takes messages there. */
  taken(route: Route): void {
    this.#routes.delete(keyOf(route))
  }
}

function keyOf({ exchange, routingKey }: Route): string {
  return `${exchange}\n${routingKey}`
}
