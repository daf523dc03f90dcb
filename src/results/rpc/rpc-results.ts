import type { Publisher } from '../../broker/publisher.ts'
import { isChordQueue } from '../../protocol/chord/queued-chord.ts'
import { encodeResult } from '../../protocol/result/result.ts'
import { isFinal, type ResultRecord } from '../../protocol/result-record.ts'
import type { Outgoing } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import type { ResultBackend } from '../backend.ts'

// A Celery 5.6 client's queue vanishes for some milliseconds every second while it waits (wire specification 4.3).
const RESEND_AFTER = [100, 200, 300]
// Who leaves can't wait as long, and need not: the gap is of 10 to 20 ms.
const RESEND_AFTER_LEAVING = [30, 60]
const REMEMBER_GONE_FOR = 60_000
const REMEMBERED_QUEUES = 10_000

/** Sends each state to the caller's reply queue (wire specification 4.3). */
export class RpcResults implements ResultBackend {
  readonly kind = 'rpc'
  readonly chordQueues = true
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #leaving: AbortSignal
  /** Reply queues that were gone, with the moment until which we take that for granted. */
  readonly #gone = new Map<string, number>()

  /** Once `leaving` aborts, callers that are gone are waited for no longer than a drain has. */
  constructor(publisher: Publisher, clock: Clock, leaving: AbortSignal) {
    this.#publisher = publisher
    this.#clock = clock
    this.#leaving = leaving
  }

  async store(
    record: ResultRecord,
    message: { readonly id: string; readonly replyTo: string; readonly correlationId: string },
  ): Promise<'stored' | 'dropped'> {
    const { replyTo } = message
    if (replyTo === '') return 'dropped'
    const outgoing: Outgoing = {
      route: { exchange: '', routingKey: replyTo },
      message: {
        properties: {
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          correlationId: message.correlationId,
          // As Celery; but the queue of a chord outlives the broker, and so must what is in it.
          deliveryMode: isChordQueue(replyTo) ? 2 : 1,
          priority: 0,
        },
        headers: {},
        body: encodeResult(record),
      },
    }
    if ((await this.#publish(outgoing)) === 'confirmed') {
      if (this.#gone.size > 0) this.#gone.delete(replyTo)
      return 'stored'
    }
    // Only the last word is worth repeating; a progress report that arrives late would be a lie.
    if (!isFinal(record) || this.#isKnownGone(replyTo)) return 'dropped'
    if (await this.#resend(outgoing)) return 'stored'
    this.#rememberGone(replyTo)
    return 'dropped'
  }

  /** True when a later try reached the queue. */
  async #resend(outgoing: Outgoing): Promise<boolean> {
    for (const delay of RESEND_AFTER) {
      if (this.#leaving.aborted) break
      await pause(this.#clock, delay, this.#leaving)
      if ((await this.#publish(outgoing)) === 'confirmed') return true
    }
    if (!this.#leaving.aborted) return false
    for (const delay of RESEND_AFTER_LEAVING) {
      await new Promise<void>((resolve) => this.#clock.after(delay, resolve))
      if ((await this.#publish(outgoing)) === 'confirmed') return true
    }
    return false
  }

  #publish(outgoing: Outgoing): Promise<'confirmed' | 'returned'> {
    return this.#publisher.publish(outgoing, { mandatory: true })
  }

  #isKnownGone(queue: string): boolean {
    const until = this.#gone.get(queue)
    return until !== undefined && until > this.#clock.monotonic()
  }

  #rememberGone(queue: string): void {
    this.#gone.delete(queue)
    this.#gone.set(queue, this.#clock.monotonic() + REMEMBER_GONE_FOR)
    if (this.#gone.size > REMEMBERED_QUEUES) {
      const oldest = this.#gone.keys().next().value
      if (oldest !== undefined) this.#gone.delete(oldest)
    }
  }
}
