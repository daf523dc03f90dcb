import type { KeptFailures } from '../../config/options/failures.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import type { FailedLimits } from '../../queues/companions.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'

/** The parts for warning about full queues. */
export interface FullFailuresParts {
  readonly failures: KeptFailures | 'drop'
  /** The number of ready messages in the queue of failures of a task queue. */
  readonly count: (queue: string) => Promise<number>
  /** The limits of that queue, as far as the broker reports them. */
  readonly limits: (queue: string) => Promise<FailedLimits>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** The answer to one query of a queue of failures, and the messages that this worker has sent there since. */
interface Looked {
  /** On the clock's monotonic scale. */
  readonly at: number
  /** How many messages it held; undefined while the query runs. */
  messages: number | undefined
  /** True once it was found to be full. */
  full: boolean
  /** How many more messages and bytes it could hold then, minus those kept since. */
  room: number
  roomOfBytes: number
  sent: number
}

// Milliseconds.
const LOOKED_EVERY = 60_000
// Sizes differ: a queue whose bytes seem to be used up is queried again after this fraction of them was sent.
const NEXT_PART = 1 / 8
// From this fraction of its limit on, the estimated bytes count as full: the broker counts fewer bytes than this worker.
const NEAR = 0.8

/**
 * Warns about queues of failures that have reached their limit of messages or bytes, so that the oldest are dropped: when this
 * worker may have filled one, and then at most once a minute. The broker reports only the number of messages. That a queue is
 * full by bytes is concluded from two facts together: it holds fewer messages than before plus those sent, and one more message
 * of the size that this worker sends may not fit. RabbitMQ counts the bytes of bodies; a quorum queue of 4.3 those of headers,
 * too. Compares with the queue's own arguments `x-max-length` and `x-max-length-bytes`, not with the configuration's; the limits
 * of a policy can't be read over AMQP.
 */
export class FullFailures {
  readonly #parts: FullFailuresParts
  readonly #looked = new Map<string, Looked>()
  /** The messages that this worker has sent to each queue: their number and bytes. */
  readonly #sent = new Map<string, { count: number; bytes: number }>()

  constructor(parts: FullFailuresParts) {
    this.#parts = parts
  }

  /** One more failure of a task queue is kept, with its bytes including headers. Queries in the background, and never throws. */
  kept(queue: string, bytes: number): void {
    const { failures, clock } = this.#parts
    if (failures === 'drop') return
    const size = this.#meanSize(queue, bytes)
    const known = this.#looked.get(queue)
    if (known !== undefined) {
      known.room -= 1
      known.roomOfBytes -= bytes
      known.sent += 1
      const rested = clock.monotonic() - known.at >= LOOKED_EVERY
      const hasRoom = known.messages === undefined || (known.room > 0 && known.roomOfBytes > 0)
      if (!rested && (known.full || hasRoom)) return
    }
    const endless = Number.POSITIVE_INFINITY
    const at = clock.monotonic()
    const looked: Looked = { at, messages: undefined, full: false, room: endless, roomOfBytes: endless, sent: 0 }
    this.#looked.set(queue, looked)
    void this.#look(queue, { size, before: known, looked })
  }

  /** The mean size of the messages sent to a queue, including this one. */
  #meanSize(queue: string, bytes: number): number {
    const sent = this.#sent.get(queue) ?? { count: 0, bytes: 0 }
    sent.count += 1
    sent.bytes += bytes
    this.#sent.set(queue, sent)
    return sent.bytes / sent.count
  }

  async #look(
    queue: string,
    { size, before, looked }: { size: number; before: Looked | undefined; looked: Looked },
  ): Promise<void> {
    try {
      const { keep, bytes } = await this.#parts.limits(queue)
      const messages = await this.#parts.count(queue)
      looked.messages = messages
      // Some of those sent meanwhile are counted: for the next query too few are expected rather than too many.
      looked.sent = 0
      const had = before?.messages
      const isShort = had !== undefined && messages < had + (before?.sent ?? 0)
      const fullOfBytes = isShort && (messages + 1) * size > NEAR * bytes
      looked.full = messages >= keep || fullOfBytes
      looked.room = keep - messages
      looked.roomOfBytes = Math.max(bytes - messages * size, bytes * NEXT_PART)
      if (!looked.full) return
      const limit = messages >= keep ? { keep } : { bytes }
      const fields = { queue: failedQueue(queue), messages, ...limit }
      this.#parts.logger.warn({ event: 'failures.full', ...fields }, FULL)
    } catch {
      // Asked again in a minute.
    }
  }
}

const FULL = 'the queue of failed tasks is full: the oldest are dropped'
