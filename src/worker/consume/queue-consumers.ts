import type { Delivery, EndedConsumer } from '../../broker/broker.ts'
import type { CarefulConsumers } from '../../broker/channels/careful-consumers.ts'
import type { ChannelSet } from '../../broker/channels/channel-set.ts'
import { fitConsumers } from '../../broker/channels/fit-consumers.ts'
import { type LeavingConsumer, LeavingConsumers } from '../../broker/channels/leaving-consumers.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Moments } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'

/** Takes every delivery of a task queue and its suspects; the worker's intake is one. Never throws. */
export interface DeliveryReceiver {
  receive(delivery: Delivery, queue: string, source?: Request['source']): void
}

/** The properties of a queue on which the start and the end of its consumers depend. */
export interface QueueKind {
  readonly quorum: boolean
  /** A single active consumer gets the messages. */
  readonly singleActive?: boolean
}

/** The parts that the consumers of a queue work with. */
export interface QueueConsumersParts {
  /** The channel that consumes, with those before it. */
  readonly channel: ChannelSet
  /** Aborts with it. */
  readonly signal: AbortSignal
  readonly prefetch: Pick<Prefetch, 'leave'>
  readonly careful: Pick<CarefulConsumers, 'started' | 'end'>
  readonly clock: Clock
  /** Whether the queue should be consumed now. */
  readonly wanted: () => boolean
  readonly receiver: DeliveryReceiver
  readonly moments: Pick<Moments, 'redelivered'>
  /** Called when the broker has ended a consumer. `none`: no other consumes. */
  readonly onEnded: (ended: EndedConsumer, none: boolean) => void
  /** Called when a consumer has ended: the limit must be adjusted again. */
  readonly onLeft: () => void
}

/** How many messages the consumers of a queue may have together, by a limit of their own; 0 and 0 if all queues share one. */
export interface QueueLimit {
  /** For running requests, and those held for later. */
  readonly usual: number
  /** For the work-ahead window. */
  readonly ahead: number
}

interface RunningConsumer extends LeavingConsumer {
  /** Its share of the queue's limit; 0 if all queues share one. */
  readonly limit: number
}

/**
 * The consumers of one queue. A consumer's own limit is fixed when it starts: if each has its own, the queue's limit grows by
 * adding a consumer, and shrinks as consumers end.
 */
export class QueueConsumers {
  readonly #queue: TaskQueue
  readonly #kind: QueueKind
  readonly #parts: QueueConsumersParts
  /** On the newest channel, the oldest first. */
  #consumers: RunningConsumer[] = []
  /** Those that the limit does not need any more, and those on earlier channels. */
  readonly #leaving: LeavingConsumers<RunningConsumer>
  #former = 0
  /** Those of the work-ahead window, on the newest channel; and pending ends. */
  #ahead: RunningConsumer[] = []
  readonly #ending = new Set<Promise<void>>()
  #over = false

  constructor(queue: TaskQueue, kind: QueueKind, parts: QueueConsumersParts) {
    this.#queue = queue
    this.#kind = kind
    this.#parts = parts
    this.#leaving = new LeavingConsumers(parts.clock, parts.signal)
  }

  /** Whether the queue is to be consumed now, by these consumers: not if it was removed and added anew. */
  get wanted(): boolean {
    return this.#parts.wanted()
  }

  /** Whether some are left on a channel before the newest. */
  get onFormerChannels(): boolean {
    return this.#former > 0
  }

  /** How many there are, including those that are ending. */
  get count(): number {
    return this.#consumers.length + this.#former + this.#ahead.length + this.#ending.size
  }

  /**
   * Sets the number of messages that they may have together. `ended` resolves, never rejects, when surplus window consumers are
   * gone.
   */
  async fit({ usual, ahead }: QueueLimit): Promise<{ readonly ended: Promise<void> }> {
    const { singleActive } = this.#kind
    const none = this.#consumers.length === 0
    const { missing, leave } = fitConsumers(this.#consumers, { limit: usual, singleActive })
    for (const consumer of this.#consumers) if (!leave.includes(consumer)) this.#leaving.keep(consumer)
    if (missing > 0 || none) {
      const consumer = await this.#start(missing)
      if (consumer === undefined) return { ended: Promise.resolve() }
      this.#consumers = [...this.#consumers, consumer]
    }
    for (const consumer of leave) await this.#leave(consumer, false)
    return this.#fitAhead(ahead)
  }

  /** Consumes on the newest channel, with the given limit, without a window; earlier consumers end. */
  async moveOn({ usual }: QueueLimit): Promise<void> {
    const consumer = await this.#start(usual)
    if (consumer === undefined) return
    const before = this.#consumers
    this.#consumers = [consumer]
    for (const other of before) await this.#leave(other, true)
    await this.#fitAhead(0)
  }

  /** Ends all, permanently. */
  async end(): Promise<void> {
    this.#over = true
    const all = new Set([...this.#consumers, ...this.#ahead, ...this.#leaving.take()])
    this.#consumers = []
    this.#ahead = []
    await Promise.all([...[...all].map((consumer) => this.#end(consumer)), ...this.#ending])
  }

  async #fitAhead(limit: number): Promise<{ readonly ended: Promise<void> }> {
    const { missing, leave } = limit === 0 ? { missing: 0, leave: this.#ahead } : fitConsumers(this.#ahead, { limit })
    if (missing > 0) {
      const consumer = await this.#start(missing)
      if (consumer !== undefined) this.#ahead = [...this.#ahead, consumer]
    }
    return { ended: Promise.all(leave.map((consumer) => this.#endAhead(consumer))).then(() => {}) }
  }

  /** Ends a consumer of the window within moments: tasks have become slow, and other workers may be idle. Never rejects. */
  #endAhead(consumer: RunningConsumer): Promise<void> {
    const over = this.#parts.prefetch.leave(consumer.limit)
    this.#remove(consumer)
    const ended = this.#end(consumer)
      // A failure means that the channel is closing.
      .catch(() => {})
      .then(() => {
        this.#ending.delete(ended)
        over()
      })
    this.#ending.add(ended)
    return ended
  }

  /** Starts one more; undefined if none is wanted any more. */
  async #start(limit: number): Promise<RunningConsumer | undefined> {
    if (this.#over || !this.#parts.wanted()) return undefined
    const consumer = await this.#consume(limit)
    if (consumer === undefined) return undefined
    if (!this.#over && this.#parts.wanted()) return consumer
    if (this.#parts.channel.isOpen) await this.#end(consumer)
    return undefined
  }

  /** Undefined if the broker ended it as soon as it had started it, for example because its queue was deleted. */
  async #consume(limit: number): Promise<RunningConsumer | undefined> {
    const { channel, careful } = this.#parts
    const { name, consumerPriority } = this.#queue
    let own: RunningConsumer | undefined
    let isOver = false
    let delivered = 0
    const onDelivery = (delivery: Delivery): void => {
      delivered += 1
      this.#deliver(delivery)
    }
    if (limit > 0) await channel.prefetch(limit, 'consumer')
    const asked = channel.consume(name, onDelivery, {
      ...(consumerPriority !== undefined && { priority: consumerPriority }),
      onCancelled: (ended) => {
        isOver = true
        if (own !== undefined) this.#remove(own)
        const none = this.#consumers.length + this.#ahead.length === 0
        this.#parts.onEnded(ended, none)
        if (!none) this.#parts.onLeft()
      },
    })
    const subscription = await careful.started(name, asked)
    if (isOver) return undefined
    own = {
      subscription,
      limit,
      get delivered() {
        return delivered
      },
    }
    return own
  }

  #deliver(delivery: Delivery): void {
    const { moments, receiver } = this.#parts
    if (delivery.redelivered) moments.redelivered()
    receiver.receive(delivery, this.#queue.name)
  }

  /** A consumer of a classic queue ends at once, one of a quorum queue after a while. */
  async #leave(consumer: RunningConsumer, former: boolean): Promise<void> {
    if (this.#kind.quorum) {
      if (!this.#leaving.has(consumer)) void this.#leaveLater(consumer, former)
      return
    }
    this.#remove(consumer)
    await consumer.subscription.cancel()
  }

  async #leaveLater(consumer: RunningConsumer, former: boolean): Promise<void> {
    const over = this.#parts.prefetch.leave(consumer.limit)
    if (former) this.#former += 1
    const ended = await this.#leaving.leave(consumer)
    if (former) this.#former -= 1
    over()
    if (!ended || former) return
    this.#remove(consumer)
    // It may be needed again by the time it has ended.
    if (!this.#over) this.#parts.onLeft()
  }

  #remove(consumer: RunningConsumer): void {
    this.#leaving.keep(consumer)
    this.#consumers = this.#consumers.filter((other) => other !== consumer)
    this.#ahead = this.#ahead.filter((other) => other !== consumer)
  }

  #end(consumer: RunningConsumer): Promise<void> {
    const { careful, channel } = this.#parts
    return this.#kind.quorum
      ? careful.end(consumer, { queue: this.#queue.name, channel })
      : consumer.subscription.cancel()
  }
}
