import type { Delivery } from '../../broker/broker.ts'
import { suspectsQueue } from '../../protocol/companion-queues.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { DeliverySource } from '../quarantine/poison-policy.ts'
import type { Place, Prefetch } from '../request/prefetch.ts'

/** A message that does not run, and how to settle it: by setting it aside, or moving it to the suspects. */
export interface Unrunnable {
  readonly delivery: Delivery
  /** The task queue, also for a message that came from its suspects. */
  readonly queue: string
  readonly source: DeliverySource
  /** The queue that it goes to. If that queue refuses one message, it refuses all. */
  readonly target: string
  /** How its task ended, if it has: the message is returned with that, and does not run again. */
  readonly ended?: string | undefined
  /** For the log. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Settles it; rejects while that is not possible, and may then be called again. */
  readonly settle: () => Promise<void>
}

/** A held message, which is retried. */
export interface Held extends Unrunnable {
  readonly size: number
  /** When it came, on the clock's monotonic scale. */
  readonly since: number
  /** Releases its place beside those of tasks; undefined while it has none. */
  release: (() => void) | undefined
  /** Set during a retry: settles when that has ended. */
  trying: Promise<unknown> | undefined
}

/** The state of the held messages, for probes. */
export interface HeldAsideSigns {
  readonly held: number
  readonly bytes: number
  /** The queues that are suspended because of them. */
  readonly suspended: readonly string[]
}

/** A queue that is not consumed because of held messages. */
interface Suspended {
  /** The task queue that it belongs to. */
  readonly queue: string
  /** Resolves when its consumer has ended. */
  readonly ended: Promise<void>
}

/** The parts that making room for held messages works with. */
export interface HeldMessagesParts {
  readonly prefetch: Prefetch
  /** The consumer of the task queues, which can suspend a queue. */
  readonly consumer: { suspend(queue: string): Promise<void>; unsuspend(queue: string): Promise<void> }
  /** The consumer of the suspects, which takes one more although one is held, until the returned function is called. */
  readonly suspects: { spare(queue: string): () => void }
  readonly clock: Clock
  readonly logger: EventLogger
}

const MOST_HELD = 1_000
const MOST_BYTES = 64 * 1024 * 1024
// A queue is resumed below this fraction of both limits.
const ROOM = 0.9
// In milliseconds: a message that takes longer to set aside releases its place for others meanwhile.
const PROMPT = 500

/**
 * The messages that can't be set aside for now, each beside the places of running tasks, at most 1,000 or 64 MiB. Above these
 * limits the queue that they come from is suspended until there is room.
 */
export class HeldMessages {
  readonly #parts: HeldMessagesParts
  readonly #held = new Set<Held>()
  /** The suspended queues, by name. */
  readonly #suspended = new Map<string, Suspended>()
  #bytes = 0
  /** How many messages take a place in the prefetch while they are being settled. */
  #lent = 0
  #lentBytes = 0

  constructor(parts: HeldMessagesParts) {
    this.#parts = parts
  }

  get signs(): HeldAsideSigns {
    return { held: this.#held.size, bytes: this.#bytes, suspended: [...this.#suspended.keys()] }
  }

  get size(): number {
    return this.#held.size
  }

  /** The held messages, in the order in which they came. */
  all(): Held[] {
    return [...this.#held]
  }

  has(held: Held): boolean {
    return this.#held.has(held)
  }

  /** Holds one more; above the limits its queue is suspended. */
  add(message: Unrunnable): void {
    const { clock } = this.#parts
    const size = sizeOf(message.delivery)
    const full = this.#isFull(size)
    const held: Held = { ...message, size, since: clock.monotonic(), release: undefined, trying: undefined }
    this.#held.add(held)
    this.#bytes += size
    if (full) void this.#suspend(message)
    else this.#placeBeside(held)
  }

  /** Releases one; see `makeRoom`. */
  remove(held: Held): void {
    if (!this.#held.delete(held)) return
    this.#bytes -= held.size
    held.release?.()
  }

  /** Gives a message that takes long to settle an additional place, so that it takes none of a task. */
  lendIfSlow(message: Unrunnable): { release(): void } {
    if (message.source === 'suspects') return { release: () => {} }
    const { clock, prefetch } = this.#parts
    const size = sizeOf(message.delivery)
    let place: Place | undefined
    const timer = clock.after(PROMPT, () => {
      if (this.#isFull(size)) void this.#suspend(message)
      place = prefetch.lend()
      this.#lent += 1
      this.#lentBytes += size
    })
    return {
      release: () => {
        timer.cancel()
        if (place === undefined) return
        prefetch.release(place)
        this.#lent -= 1
        this.#lentBytes -= size
      },
    }
  }

  #isFull(size: number): boolean {
    return this.#held.size + this.#lent >= MOST_HELD || this.#bytes + this.#lentBytes + size > MOST_BYTES
  }

  #placeBeside(held: Held): void {
    const { prefetch, suspects } = this.#parts
    if (held.source === 'tasks') {
      const place = prefetch.hold()
      held.release = () => prefetch.release(place)
    } else held.release = suspects.spare(held.queue)
  }

  /** Once the consumer has ended, the last messages return their places in the prefetch to tasks. */
  async #suspend({ source, queue }: Unrunnable): Promise<void> {
    const name = source === 'suspects' ? suspectsQueue(queue) : queue
    const suspended = this.#suspended.get(name) ?? this.#endConsumer(name, queue)
    if (source === 'suspects') return
    await suspended.ended
    for (const held of this.#held) {
      if (held.source === 'tasks' && held.queue === queue && held.release === undefined) this.#placeBeside(held)
    }
  }

  #endConsumer(name: string, queue: string): Suspended {
    const { consumer, logger } = this.#parts
    logger.error(
      { event: 'queue.suspended', queue: name, held: this.#held.size, bytes: this.#bytes },
      'too many messages of this queue cannot be set aside: nothing more is taken from it until there is room',
    )
    const suspended = { queue, ended: name === queue ? consumer.suspend(queue) : Promise.resolve() }
    this.#suspended.set(name, suspended)
    return suspended
  }

  /** Resumes suspended queues if there is room by now. */
  makeRoom(): void {
    const isRoom =
      this.#held.size + this.#lent <= MOST_HELD * ROOM && this.#bytes + this.#lentBytes <= MOST_BYTES * ROOM
    if (!isRoom) return
    for (const [name, { queue }] of this.#suspended) {
      this.#suspended.delete(name)
      if (name === queue) void this.#parts.consumer.unsuspend(queue)
      this.#parts.logger.info({ event: 'queue.resumed', queue: name }, 'there is room again: the queue is consumed')
    }
  }
}

function sizeOf({ body, rawHeaders }: Delivery): number {
  return body.length + (rawHeaders?.length ?? 0)
}
