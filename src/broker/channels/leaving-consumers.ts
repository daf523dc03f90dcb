import type { Clock, Timer } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import type { Subscription } from '../broker.ts'

/** A consumer that is to leave. */
export interface LeavingConsumer {
  readonly subscription: Subscription
  /** How many messages it was given so far. */
  readonly delivered: number
}

// Milliseconds that answers are held back. Where messages wait, what the consumer may still take comes within a round trip.
const PATIENCE = 250
// For one who waits for the end of a consumer: so long nothing may come to it, and so long it may take in all.
const QUIET = 100
const LONGEST_PATIENCE = 5_000
// Between two tries.
const FIRST_WAIT = 500
const LONGEST_WAIT = 16_000
// In the patience it may get so many times what it got in as long a time before.
const BURST = 4

/**
 * Ends consumers of quorum queues while nothing is on their way: when they have as many messages as their limit allows. A quorum
 * queue takes back what is on its way to a consumer that is cancelled, and delivers it as redelivered: counted as if a worker had
 * died, by RabbitMQ 3.10 and 4.0 in `x-delivery-count`, by 4.3 in `x-acquired-count`. Where messages wait in the queue, a consumer soon has as
 * many as it may. Where they don't, it goes on, and takes nothing that others need, until no message has come to it for a while.
 */
export class LeavingConsumers<Consumer extends LeavingConsumer> {
  readonly #clock: Clock
  readonly #gone: AbortSignal
  readonly #consumers = new Map<Consumer, AbortController>()

  /** `gone` aborts with the channels that they are on. */
  constructor(clock: Clock, gone: AbortSignal) {
    this.#clock = clock
    this.#gone = gone
  }

  has(consumer: Consumer): boolean {
    return this.#consumers.has(consumer)
  }

  /** Has a consumer leave. Resolves with whether it has: false where it is to stay, or its channel goes. Never rejects. */
  async leave(consumer: Consumer): Promise<boolean> {
    const stays = new AbortController()
    const forget = (): void => stays.abort()
    this.#consumers.set(consumer, stays)
    this.#gone.addEventListener('abort', forget, { once: true })
    try {
      return await this.#end(consumer, stays.signal)
    } catch {
      return false
    } finally {
      this.#gone.removeEventListener('abort', forget)
      if (this.#consumers.get(consumer) === stays) this.#consumers.delete(consumer)
    }
  }

  /** Has a consumer stay that was to leave. */
  keep(consumer: Consumer): void {
    this.#consumers.get(consumer)?.abort()
    this.#consumers.delete(consumer)
  }

  /** Has all stay, and returns them. */
  take(): Consumer[] {
    const taken = [...this.#consumers.keys()]
    for (const consumer of taken) this.keep(consumer)
    return taken
  }

  async #end(consumer: LeavingConsumer, stays: AbortSignal): Promise<boolean> {
    const { subscription } = consumer
    let came = Number.POSITIVE_INFINITY
    let waited = 1
    for (let wait = FIRST_WAIT; !stays.aborted; wait = Math.min(wait * 2, LONGEST_WAIT)) {
      const before = consumer.delivered
      const inPatience = Math.max((came / waited) * PATIENCE * BURST, 1)
      if (subscription.room <= inPatience && (await cancelled(subscription, PATIENCE, this.#clock, stays))) return true
      await pause(this.#clock, wait, stays)
      came = consumer.delivered - before
      waited = wait
      if (came > 0 || wait < LONGEST_WAIT || stays.aborted) continue
      await subscription.cancel()
      return true
    }
    return false
  }
}

/** What ending a consumer of a quorum queue takes. */
export interface Ending {
  readonly clock: Clock
  /** Whether its queue has nothing for it, and nothing is on the way to it. */
  readonly nothingComes: () => Promise<boolean>
}

/**
 * Ends a consumer of a quorum queue within seconds, while nothing is on its way to it: when it has as many messages as it may, or
 * when nothing comes. Rejects as `cancel` does.
 */
export async function endConsumer(consumer: LeavingConsumer, { clock, nothingComes }: Ending): Promise<void> {
  const end = clock.monotonic() + LONGEST_PATIENCE
  const late = (): boolean => clock.monotonic() >= end
  while (!(await exhausted(consumer, clock, late))) {
    const before = consumer.delivered
    // Without an answer a message may be on its way.
    const none = await nothingComes().catch(() => false)
    if (!(none && consumer.delivered === before) && !late()) continue
    await consumer.subscription.cancel()
    return
  }
}

/** Ends it when it has as many messages as it may; false when none has come for a while, or it is late. */
async function exhausted(consumer: LeavingConsumer, clock: Clock, late: () => boolean): Promise<boolean> {
  const over = new AbortController()
  let before = consumer.delivered
  let timer: Timer
  const look = (): void => {
    if (consumer.delivered === before || late()) over.abort()
    else timer = clock.after(QUIET, look)
    before = consumer.delivered
  }
  timer = clock.after(QUIET, look)
  try {
    return await consumer.subscription.cancelExhausted(over.signal)
  } finally {
    timer.cancel()
  }
}

async function cancelled(subscription: Subscription, ms: number, clock: Clock, stays: AbortSignal): Promise<boolean> {
  const over = new AbortController()
  const timer = clock.after(ms, () => over.abort())
  try {
    return await subscription.cancelExhausted(AbortSignal.any([over.signal, stays]))
  } finally {
    timer.cancel()
  }
}
