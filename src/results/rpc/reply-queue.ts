import { randomUUID } from 'node:crypto'
import type { Channel, Delivery } from '../../broker/broker.ts'
import type { Kept, Session } from '../../broker/session.ts'
import { declareResultQueue } from '../../broker/topology.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { decodeResult } from '../../protocol/result/result.ts'
import { isFinal, type ResultRecord } from '../../protocol/result-record.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { unlessAborted } from '../../runtime/time/time-limit.ts'
import { TouchOrder } from '../../runtime/touch-order.ts'
import { clientClosed } from '../client-closed.ts'
import type { Replies } from '../replies.ts'
import { ResultFeed } from '../result-feed.ts'

// The queue expires after a day without a consumer: as long as Celery keeps results.
const EXPIRES = 86_400_000

/** How long the broker may take to delete a queue, in milliseconds. */
const PATIENCE = 5_000

/** The maximum number of followed tasks without a final result; above it the oldest without a listener are dropped. */
const MOST_FOLLOWED = 100_000

/** How many of the oldest tasks are looked at for one without a listener, for each task that is followed beyond that maximum. */
const LOOKED_AT = 16

/** The number of finished tasks whose results can still be asked for by id, and the bytes of their messages together. */
const MOST_FINISHED = 1_000
const MOST_FINISHED_BYTES = 64 * 1024 * 1024

/**
 * The reply queue for results (wire specification 4.3, 4.8), consumed for as long as the session lives. Unlike Python's it is
 * durable and not deleted with its consumer, so that results arrive across a reconnect; and it is a quorum queue if tasks are
 * sent to one, so that they arrive even if a node of the broker is lost.
 */
export class ReplyQueue implements Replies {
  /** The value for `reply_to`. */
  readonly name: string
  readonly carriesChords = true
  readonly #session: Session
  readonly #logger: EventLogger | undefined
  readonly #mostFollowed: number
  readonly #followed = new TouchOrder<string, ResultFeed>()
  /** The latest finished ones, and how many bytes their last messages had. */
  readonly #finished = new TouchOrder<string, { readonly feed: ResultFeed; readonly bytes: number }>()
  #finishedBytes = 0
  #kept: Kept | undefined
  #ready = false
  /** Decided by the first task. */
  #quorum = false

  constructor(session: Session, logger: EventLogger | undefined, options: { readonly mostFollowed?: number } = {}) {
    this.name = `twq.reply.${randomUUID()}`
    this.#session = session
    this.#logger = logger
    this.#mostFollowed = options.mostFollowed ?? MOST_FOLLOWED
  }

  /** True once the queue was declared: from then on results are kept in it, connected or not. */
  get isOpen(): boolean {
    return this.#ready
  }

  /** Resolves once results can arrive. Rejects with the signal's reason. */
  async open(signal: AbortSignal, { quorum }: { readonly quorum: boolean }): Promise<void> {
    if (this.#kept === undefined) this.#quorum = quorum
    this.#kept ??= this.#session.keep('replies', (channel) => this.#consume(channel))
    const kept = this.#kept
    kept.ready.catch(() => {
      // A permission may be missing: the next caller tries again.
      if (this.#kept === kept) this.#kept = undefined
    })
    await unlessAborted(kept.ready, signal)
    this.#ready = true
  }

  /** The feed of a task that is about to be sent; the existing feed if it is already followed. */
  follow(taskId: string): ResultFeed {
    let feed = this.#followed.entries.get(taskId)
    if (feed === undefined) {
      feed = new ResultFeed()
      this.#followed.put(taskId, feed)
      if (this.#followed.entries.size > this.#mostFollowed) this.#letGo()
    }
    return feed
  }

  /** Stops following a task that was not sent after all. */
  forget(taskId: string): void {
    this.#followed.delete(taskId)
  }

  find(taskId: string): ResultFeed {
    const feed = this.#followed.entries.get(taskId) ?? this.#finished.entries.get(taskId)?.feed
    if (feed !== undefined) return feed
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${taskId} can't be read from here`, {
      hint: 'With rpc:// only the sender of a task gets its result. To read results from anywhere, keep them in a Redis:\nresultBackend redis://localhost:6379/0, the same for the workers',
    })
  }

  async drop(taskId: string): Promise<void> {
    this.#followed.delete(taskId)
    this.#unkeep(taskId)
  }

  /** Ends all feeds with `TWQ_CLOSED` and deletes the queue, if the broker can be reached. */
  async leave(): Promise<void> {
    const closed = clientClosed()
    for (const feed of this.#followed.entries.values()) feed.break(closed)
    this.#followed.clear()
    this.#finished.clear()
    this.#finishedBytes = 0
    // No other client knows the queue's name; if it can't be deleted now, it expires.
    const channel = this.#session.connection?.blocked === undefined ? this.#kept?.channel : undefined
    if (channel !== undefined) {
      await unlessAborted(channel.deleteQueue(this.name), AbortSignal.timeout(PATIENCE)).catch(() => {})
    }
    await this.#kept?.[Symbol.asyncDispose]()
  }

  async #consume(channel: Channel): Promise<void> {
    const quorum = this.#quorum
    await declareResultQueue(channel, this.name, EXPIRES, { quorum })
    const take = (delivery: Delivery): void => {
      this.#receive(delivery)
      if (quorum) delivery.ack()
    }
    await channel.consume(this.name, take, {
      // Otherwise results in transit would be lost together with a node.
      noAck: !quorum,
      // The queue was deleted: a new channel declares it again.
      onCancelled: () => void channel[Symbol.asyncDispose](),
    })
  }

  #receive(delivery: Delivery): void {
    let record: ResultRecord
    try {
      record = decodeResult(delivery.body)
    } catch (error) {
      this.#refuse(delivery, error)
      return
    }
    const feed = this.#followed.entries.get(record.taskId)
    // The handle keeps its feed: a finished task need not be followed.
    if (isFinal(record)) this.#followed.delete(record.taskId)
    feed?.push(record)
    if (feed?.isOver) this.#keep(record.taskId, feed, delivery.body.length)
  }

  /** Stores a finished task, and evicts the oldest while there are too many, or too many bytes; the newest is never evicted. */
  #keep(taskId: string, feed: ResultFeed, bytes: number): void {
    this.#unkeep(taskId)
    this.#finished.put(taskId, { feed, bytes })
    this.#finishedBytes += bytes
    while (this.#finished.entries.size > (this.#finishedBytes > MOST_FINISHED_BYTES ? 1 : MOST_FINISHED)) {
      this.#finishedBytes -= this.#finished.shift()?.[1].bytes ?? 0
    }
  }

  #unkeep(taskId: string): void {
    this.#finishedBytes -= this.#finished.entries.get(taskId)?.bytes ?? 0
    this.#finished.delete(taskId)
  }

  #refuse({ properties }: Delivery, cause: unknown): void {
    const { correlationId = '', contentType } = properties
    this.#logger?.warn(
      { task_id: correlationId, content_type: contentType, reason: messageOf(cause) },
      'result not read',
    )
    const feed = this.#followed.entries.get(correlationId)
    this.#followed.delete(correlationId)
    feed?.break(
      new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${correlationId} can't be read: ${messageOf(cause)}`, {
        hint: `It came as ${contentType ?? 'content of no type'}; Celery's result_serializer must be json`,
        cause,
      }),
    )
  }

  /** Gives up the oldest task without a listener; those with one go to the end of the order. */
  #letGo(): void {
    for (let left = Math.min(LOOKED_AT, this.#followed.entries.size); left > 0; left -= 1) {
      const [taskId, feed] = this.#followed.shift() ?? []
      if (taskId === undefined || feed === undefined) return
      if (!feed.hasListeners) {
        feed.break(tooMany(taskId, this.#mostFollowed))
        return
      }
      this.#followed.put(taskId, feed)
    }
  }
}

function tooMany(taskId: string, most: number): TwqError {
  return new TwqError('TWQ_RESULT_UNAVAILABLE', `too many tasks without a result: ${taskId} is no longer followed`, {
    hint: `A client follows ${most} at most; send tasks whose results are not read with ignoreResult`,
  })
}
