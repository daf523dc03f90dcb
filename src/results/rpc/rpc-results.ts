import type { PublishListener } from '../../broker/broker.ts'
import type { Publisher } from '../../broker/publisher.ts'
import { isChordQueue } from '../../protocol/chord/queued-chord.ts'
import { encodeResult } from '../../protocol/result/result.ts'
import { isFinal, type ResultRecord } from '../../protocol/result-record.ts'
import type { Outgoing, Route } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { TouchOrder } from '../../runtime/touch-order.ts'
import type { ResultOwner } from '../backend.ts'
import { POST, type PostingBackend, type StoreListener } from '../post-result.ts'

// The queue of a Celery 5.6 client disappears for some milliseconds every second while it waits (wire specification 4.3).
const RESEND_AFTER = [100, 200, 300]
// During a shutdown there is less time to wait, and the gap is only 10 to 20 ms.
const RESEND_AFTER_LEAVING = [30, 60]
const REMEMBER_GONE_FOR = 60_000
const REMEMBERED_QUEUES = 10_000

const MANDATORY = { mandatory: true }
const NO_HEADERS = Object.freeze({})

/** Sends each state to the caller's reply queue (wire specification 4.3). */
export class RpcResults implements PostingBackend {
  readonly kind = 'rpc'
  readonly chordQueues = true
  readonly #publisher: Publisher
  readonly #clock: Clock
  readonly #leaving: AbortSignal
  /** Reply queues that were gone, with the time until which they are assumed to be. */
  readonly #gone = new TouchOrder<string, number>()
  /** The route to the latest reply queue: mostly the next result goes there as well. */
  #route: Route = { exchange: '', routingKey: '' }

  /** Once `leaving` aborts, missing reply queues are waited for no longer than a drain may take. */
  constructor(publisher: Publisher, clock: Clock, leaving: AbortSignal) {
    this.#publisher = publisher
    this.#clock = clock
    this.#leaving = leaving
  }

  store(record: ResultRecord, owner: ResultOwner): Promise<'stored' | 'dropped'> {
    return new Promise((stored, refused) => this[POST](record, owner, { stored, refused }))
  }

  [POST](record: ResultRecord, { replyTo, correlationId }: ResultOwner, listener: StoreListener): void {
    if (replyTo === '') {
      listener.stored('dropped', record)
      return
    }
    let outgoing: Outgoing
    try {
      outgoing = this.#message(record, replyTo, correlationId)
    } catch (error) {
      listener.refused(error, record)
      return
    }
    this.#publisher.post(outgoing, MANDATORY, new SentResult(record, outgoing, listener, this))
  }

  /** The broker has returned a result: no queue accepts it. */
  returned({ record, outgoing, listener }: SentResult): void {
    // Only a final state is worth repeating; a late progress report would be wrong.
    if (!isFinal(record) || this.#isKnownGone(outgoing.route.routingKey)) {
      listener.stored('dropped', record)
      return
    }
    this.#resend(outgoing).then(
      (reached) => listener.stored(reached ? 'stored' : 'dropped', record),
      (error: unknown) => listener.refused(error, record),
    )
  }

  /** A result has reached this queue. */
  reached(queue: string): void {
    if (this.#gone.entries.size > 0) this.#gone.delete(queue)
  }

  #message(record: ResultRecord, replyTo: string, correlationId: string): Outgoing {
    if (this.#route.routingKey !== replyTo) this.#route = { exchange: '', routingKey: replyTo }
    return {
      route: this.#route,
      message: {
        properties: {
          contentType: 'application/json',
          contentEncoding: 'utf-8',
          correlationId,
          // As in Celery; but the queue of a chord outlives the broker, so the results in it must as well.
          deliveryMode: isChordQueue(replyTo) ? 2 : 1,
          priority: 0,
        },
        headers: NO_HEADERS,
        body: encodeResult(record),
      },
    }
  }

  /** True if a later attempt reached the queue. */
  async #resend(outgoing: Outgoing): Promise<boolean> {
    const { routingKey } = outgoing.route
    for (const delay of RESEND_AFTER) {
      if (this.#leaving.aborted) break
      await pause(this.#clock, delay, this.#leaving)
      if (await this.#reaches(outgoing)) return true
    }
    if (this.#leaving.aborted) {
      for (const delay of RESEND_AFTER_LEAVING) {
        await new Promise<void>((resolve) => this.#clock.after(delay, resolve))
        if (await this.#reaches(outgoing)) return true
      }
    }
    this.#rememberGone(routingKey)
    return false
  }

  async #reaches(outgoing: Outgoing): Promise<boolean> {
    return (await this.#publisher.publish(outgoing, MANDATORY)) === 'confirmed'
  }

  #isKnownGone(queue: string): boolean {
    const until = this.#gone.entries.get(queue)
    return until !== undefined && until > this.#clock.monotonic()
  }

  #rememberGone(queue: string): void {
    this.#gone.put(queue, this.#clock.monotonic() + REMEMBER_GONE_FOR)
    if (this.#gone.entries.size > REMEMBERED_QUEUES) this.#gone.shift()
  }
}

/** One result until the broker has confirmed or returned it. */
class SentResult implements PublishListener {
  readonly record: ResultRecord
  readonly outgoing: Outgoing
  readonly listener: StoreListener
  readonly #results: Pick<RpcResults, 'reached' | 'returned'>

  constructor(record: ResultRecord, outgoing: Outgoing, listener: StoreListener, results: RpcResults) {
    this.record = record
    this.outgoing = outgoing
    this.listener = listener
    this.#results = results
  }

  confirmed(outcome: 'confirmed' | 'returned'): void {
    if (outcome === 'returned') {
      this.#results.returned(this)
      return
    }
    this.#results.reached(this.outgoing.route.routingKey)
    this.listener.stored('stored', this.record)
  }

  refused(error: Error): void {
    this.listener.refused(error, this.record)
  }
}
