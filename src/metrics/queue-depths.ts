import type { Session } from '../broker/session.ts'
import { TwqError } from '../errors.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'

/** Which queues to query, and how. */
export interface QueueDepthsOptions {
  /** Opens a channel for each query: a refused one closes no other channel. */
  readonly session: Pick<Session, 'withChannel'>
  readonly clock: Clock
}

// In milliseconds. A missing queue is queried less often, since RabbitMQ logs an error each time.
const EVERY = 15_000
const MISSING_EVERY = 300_000
// A scrape waits no longer than this for the answers, and otherwise uses the previous ones.
const LONGEST = 1_000

interface Asked {
  readonly at: number
  /** Undefined if the broker refused to answer. */
  readonly messages: number | undefined
  readonly missing: boolean
}

/**
 * The number of messages in queues, determined by passive declares: nothing is consumed. Never rejects, and queries at most every
 * 15 s.
 */
export class QueueDepths {
  readonly #options: QueueDepthsOptions
  #known: ReadonlyMap<string, Asked> = new Map()
  #round: Promise<void> | undefined
  #roundAt = Number.NEGATIVE_INFINITY

  constructor(options: QueueDepthsOptions) {
    this.#options = options
  }

  /** The number of ready messages per queue. A queue without a count, for example a deleted one, is left out. */
  async read(queues: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { clock } = this.#options
    if (this.#round === undefined && clock.monotonic() - this.#roundAt >= EVERY) {
      this.#roundAt = clock.monotonic()
      const round = this.#ask(queues).finally(() => {
        this.#round = undefined
      })
      this.#round = round
      const over = new AbortController()
      await Promise.race([round, pause(clock, LONGEST, over.signal)])
      over.abort()
    }
    return new Map(
      queues.flatMap((queue) => {
        const messages = this.#known.get(queue)?.messages
        return messages === undefined ? [] : [[queue, messages] as const]
      }),
    )
  }

  async #ask(queues: readonly string[]): Promise<void> {
    const now = this.#options.clock.monotonic()
    const known = new Map<string, Asked>()
    // One after the other: few workers have many queues, and channels cost the broker.
    for (const queue of new Set(queues)) {
      const before = this.#known.get(queue)
      const rests = before?.missing === true && now - before.at < MISSING_EVERY
      known.set(queue, rests ? before : await this.#depthOf(queue, now))
    }
    this.#known = known
  }

  async #depthOf(queue: string, at: number): Promise<Asked> {
    try {
      const signal = AbortSignal.timeout(EVERY)
      const { messages } = await this.#options.session.withChannel((channel) => channel.inspectQueue(queue), { signal })
      return { at, messages, missing: false }
    } catch (error) {
      return { at, messages: undefined, missing: TwqError.is(error, 'TWQ_QUEUE_MISSING') }
    }
  }
}
