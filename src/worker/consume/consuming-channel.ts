import type { EndedConsumer } from '../../broker/broker.ts'
import type { CarefulConsumers } from '../../broker/channels/careful-consumers.ts'
import type { ChannelSet } from '../../broker/channels/channel-set.ts'
import { restoreConsumer } from '../../broker/channels/restore-consumer.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Moments } from '../request/moments.ts'
import { type ApplyLimit, channelPrefetch, type Prefetch } from '../request/prefetch.ts'
import { consumerLog } from './consumer-log.ts'
import type { ConsumerTimeouts } from './consumer-timeouts.ts'
import { type DeliveryReceiver, QueueConsumers, type QueueKind, type QueueLimit } from './queue-consumers.ts'
import type { WantedQueues } from './wanted-queues.ts'

/** The parts of the worker that a consuming channel works with. */
export interface ConsumingParts {
  readonly prefetch: Prefetch
  /** Declares what a queue needs, on other channels: a refusal closes the one it came on. */
  readonly declare: (queue: TaskQueue) => Promise<QueueKind>
  readonly careful: Pick<CarefulConsumers, 'doubts' | 'prove' | 'started' | 'end'>
  /** Tells whether a consumer that the broker ended ran into `consumer_timeout`. */
  readonly timeouts: Pick<ConsumerTimeouts, 'ended'>
  /**
   * Gets `redelivered`, and `takenBack` when a new channel consumes: the broker has requeued all unacknowledged messages of the
   * previous one.
   */
  readonly moments: Pick<Moments, 'redelivered' | 'takenBack'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** One channel, and the queues to consume on it. */
export interface Consuming {
  /** The channel that consumes, with those before it. */
  readonly channel: ChannelSet
  /** Aborts with it. */
  readonly signal: AbortSignal
  readonly receiver: DeliveryReceiver
  readonly wanted: WantedQueues
  /** One limit for all consumers, or one for each. */
  readonly shared: boolean
}

/** All consumers have one limit. */
const SHARED: QueueLimit = { usual: 0, ahead: 0 }

/** The consumers of task queues on one channel, and their limit: here they are started, ended, limited and restored. */
export class ConsumingChannel {
  readonly channel: ChannelSet
  readonly #parts: ConsumingParts
  readonly #signal: AbortSignal
  readonly #receiver: DeliveryReceiver
  readonly #wanted: WantedQueues
  /** By queue name. */
  readonly #consumers = new Map<string, QueueConsumers>()
  #shared: boolean
  /** The limit that the consumers of a queue share. */
  #limit: QueueLimit = SHARED
  /** Settles when the last change is done: changes are made one after the other. */
  #changed = Promise.resolve()
  #left = false

  constructor({ channel, signal, receiver, wanted, shared }: Consuming, parts: ConsumingParts) {
    this.channel = channel
    this.#signal = signal
    this.#receiver = receiver
    this.#wanted = wanted
    this.#shared = shared
    this.#parts = parts
  }

  /** The names of the queues with a confirmed consumer. */
  get consuming(): string[] {
    return [...this.#consumers.keys()]
  }

  /** How many consumers of a queue there are. */
  consumersOf(name: string): number {
    return this.#consumers.get(name)?.count ?? 0
  }

  /** Starts no further consumer, and no longer follows the limit. */
  leave(): void {
    this.#left = true
  }

  /** Ends all consumers. Never rejects: a failure means that the channel is closing. */
  async endAll(): Promise<void> {
    const all = [...this.#consumers.values()]
    this.#consumers.clear()
    await Promise.allSettled(all.map((consumers) => consumers.end()))
  }

  /** From now on the limit, currently `applied`, follows the requests held for later. */
  followHeld(applied: number): void {
    const fit: ApplyLimit = (count, ahead) => this.#inTurn(() => this.#fit({ usual: count - ahead, ahead }))
    const apply = this.#shared ? channelPrefetch(this.channel) : fit
    this.#limit = this.#shared ? SHARED : { usual: applied, ahead: 0 }
    this.#parts.prefetch.attach(apply, {
      stepped: !this.#shared,
      applied,
      // A failure means that the channels are closing.
      onCrowded: () => void this.#inTurn(() => this.#moveOn()).catch(() => {}),
    })
  }

  /** Declares a queue and consumes it; while the broker does not answer, nothing else waits. */
  async take(queue: TaskQueue): Promise<void> {
    const declared = await this.#parts.declare(queue)
    await this.#parts.careful.prove(queue.name)
    await this.begin(queue, declared)
  }

  /** Consumes a declared queue, unless it was removed, suspended or paused meanwhile. */
  begin(queue: TaskQueue, kind: QueueKind): Promise<void> {
    const { name } = queue
    const wanted = (): boolean => !this.#left && this.#wanted.get(name) === queue && this.#wanted.includes(name)
    return this.#inTurn(async () => {
      if (!wanted() || this.#consumers.has(name)) return
      // RabbitMQ ends the connection of a channel that has a shared limit and consumes a quorum queue.
      if (kind.quorum && this.#shared) await this.#limitEach()
      const consumers = this.#consumersOf(queue, kind, wanted)
      await consumers.fit(this.#limit)
      // There is none if the broker has already ended it, or if the queue was not wanted for a moment.
      if (!wanted() || consumers.count === 0) return
      this.#consumers.set(name, consumers)
      if (this.#wanted.missed.delete(name)) consumerLog(this.#parts.logger, name).restored()
    })
  }

  /** Ends the consumers of a queue, unless it is wanted again. Never rejects: a failure means that the channel is closing. */
  async end(name: string): Promise<void> {
    await this.#inTurn(async () => {
      const consumers = this.#consumers.get(name)
      if (consumers === undefined || consumers.wanted) return
      this.#consumers.delete(name)
      await consumers.end()
    }).catch(() => {})
  }

  /**
   * Declares and consumes a queue without a consumer because it was deleted, has moved, or lost its node: on the same channel,
   * for as long as it takes. If the channel ends before, the next one tells that it is consumed again.
   */
  async restore(name: string): Promise<void> {
    const log = consumerLog(this.#parts.logger, name)
    const missing = (): boolean => !this.#consumers.has(name)
    if (missing()) this.#wanted.missed.add(name)
    await restoreConsumer({
      consume: async () => {
        const queue = this.#wanted.get(name)
        if (queue !== undefined && missing()) await this.take(queue)
      },
      wanted: () => !this.#wanted.stopped && this.channel.isOpen && this.#wanted.includes(name) && missing(),
      gone: this.#signal,
      onDown: log.down,
      clock: this.#parts.clock,
    })
  }

  /** Carries out a change after earlier ones, however they ended. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#changed.then(change)
    this.#changed = changed.catch(() => {})
    return changed
  }

  #consumersOf(queue: TaskQueue, kind: QueueKind, wanted: () => boolean): QueueConsumers {
    const { name } = queue
    const consumers = new QueueConsumers(queue, kind, {
      ...this.#parts,
      channel: this.channel,
      signal: this.#signal,
      wanted,
      receiver: this.#receiver,
      onEnded: (ended, none) => {
        const others = (this.#consumers.get(name) ?? consumers) !== consumers
        void this.#ended(name, ended, none && !others)
      },
      // A failure means that the channels are going.
      onLeft: () => void this.#inTurn(async () => void (await consumers.fit(this.#limit))).catch(() => {}),
    })
    return consumers
  }

  /** The broker has ended a consumer of a queue, the `last` or not: the messages it delivered may be back at the broker. */
  async #ended(name: string, ended: EndedConsumer, last: boolean): Promise<void> {
    const { logger, timeouts } = this.#parts
    if (last) this.#consumers.delete(name)
    const late = await timeouts.ended(name, name, ended)
    if (!last) return
    if (!late) consumerLog(logger, name).cancelled()
    await this.restore(name)
  }

  /**
   * Leaves the messages that wait on its channel behind, and consumes on another; not while consumers are left on an earlier one.
   */
  async #moveOn(): Promise<void> {
    const all = [...this.#consumers.values()]
    if (this.#wanted.stopped || all.some(({ onFormerChannels }) => onFormerChannels)) return
    if (!(await this.channel.advance()) || this.#left) return
    const count = this.#parts.prefetch.begin()
    if (this.#shared) await this.channel.prefetch(count, 'channel')
    if (this.#left) return
    this.followHeld(count)
    for (const consumers of all) await consumers.moveOn(this.#limit)
  }

  /** Replaces the limit that the consumers share by one for each. */
  async #limitEach(): Promise<void> {
    const { prefetch } = this.#parts
    prefetch.detach()
    prefetch.lookAhead(0)
    this.#shared = false
    const { count } = prefetch
    await this.#fit({ usual: count, ahead: 0 })
    // Only now that each has its own: before, there would be no limit for a moment.
    await this.channel.prefetch(0, 'channel')
    if (!this.#left) this.followHeld(count)
  }

  /** Resolves when no queue has a consumer for the work-ahead window. */
  async #fit(limit: QueueLimit): Promise<void> {
    this.#limit = limit
    const ended: Promise<void>[] = []
    for (const consumers of this.#consumers.values()) ended.push((await consumers.fit(limit)).ended)
    await Promise.all(ended)
  }
}
