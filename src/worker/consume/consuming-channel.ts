import type { Delivery, EndedConsumer, Subscription } from '../../broker/broker.ts'
import type { CarefulConsumers } from '../../broker/channels/careful-consumers.ts'
import type { ChannelSet } from '../../broker/channels/channel-set.ts'
import { restoreConsumer } from '../../broker/channels/restore-consumer.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Moments } from '../request/moments.ts'
import { channelPrefetch, type Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'
import { consumerLog } from './consumer-log.ts'
import type { ConsumerTimeouts } from './consumer-timeouts.ts'
import type { WantedQueues } from './wanted-queues.ts'

/** Takes every delivery of a task queue, and of its suspects; the intake of the worker is one. Never throws. */
export interface DeliveryReceiver {
  receive(delivery: Delivery, queue: string, source?: Request['source']): void
}

/** The parts of the worker that a consuming channel works with. */
export interface ConsumingParts {
  readonly prefetch: Prefetch
  /** Declares what a queue needs, on other channels: a refusal closes the one it came on. Tells whether it is a quorum queue. */
  readonly declare: (queue: TaskQueue) => Promise<{ readonly quorum: boolean }>
  readonly careful: CarefulConsumers
  /** Tells whether a consumer that the broker ended ran into `consumer_timeout`. */
  readonly timeouts: Pick<ConsumerTimeouts, 'ended'>
  /** Told of `redelivered`, and of `takenBack` when a new channel consumes: the broker has requeued every unacknowledged message of the one before. */
  readonly moments: Pick<Moments, 'redelivered' | 'takenBack'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** One channel, and what is to be consumed on it. */
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

/** The consumers of task queues on one channel, and their limit: each is started, ended, limited anew and restored here. */
export class ConsumingChannel {
  readonly channel: ChannelSet
  readonly #parts: ConsumingParts
  readonly #signal: AbortSignal
  readonly #receiver: DeliveryReceiver
  readonly #wanted: WantedQueues
  readonly #subscriptions = new Map<string, Subscription>()
  #shared: boolean
  /** What was asked for last is done when this settles: changes go one after the other. */
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
    return [...this.#subscriptions.keys()]
  }

  /** Starts no consumer any more, and follows no limit. Returns the consumers that there are. */
  leave(): Subscription[] {
    this.#left = true
    return [...this.#subscriptions.values()]
  }

  /** From now on the limit, which is `applied`, follows the requests held for later. */
  followHeld(applied: number): void {
    const renew = (count: number): Promise<void> => this.#inTurn(() => this.#renew(count))
    const apply = this.#shared ? channelPrefetch(this.channel) : renew
    this.#parts.prefetch.attach(apply, {
      stepped: !this.#shared,
      applied,
      // A failure means that the channels are going.
      onCrowded: () => void this.#inTurn(() => this.#moveOn()).catch(() => {}),
    })
  }

  /** Declares a queue and consumes it; while the broker has no answer, nothing else waits. */
  async take(queue: TaskQueue): Promise<void> {
    const declared = await this.#parts.declare(queue)
    await this.#parts.careful.prove(queue.name)
    await this.begin(queue, declared)
  }

  /** Consumes a declared queue, unless it was removed, suspended or paused meanwhile. */
  begin(queue: TaskQueue, { quorum }: { readonly quorum: boolean }): Promise<void> {
    const subscriptions = this.#subscriptions
    const { name } = queue
    const wanted = (): boolean => !this.#left && this.#wanted.get(name) === queue && this.#wanted.includes(name)
    return this.#inTurn(async () => {
      if (!wanted() || subscriptions.has(name)) return
      // RabbitMQ ends the connection of a channel that has a shared limit and consumes a quorum queue.
      if (quorum && this.#shared) await this.#limitEach()
      const subscription = await this.#consume(queue)
      if (wanted()) subscriptions.set(name, subscription)
      else if (this.channel.isOpen) await subscription.cancel()
    })
  }

  /** Ends the consumer of a queue, unless that is wanted again. Never rejects: a failure means that the channel is going. */
  async end(name: string): Promise<void> {
    await this.#inTurn(async () => {
      const subscription = this.#subscriptions.get(name)
      if (subscription === undefined || this.#wanted.includes(name)) return
      this.#subscriptions.delete(name)
      await subscription.cancel()
    }).catch(() => {})
  }

  /**
   * Declares and consumes a queue that has no consumer, since it was deleted, has moved, or went down with its node: on the
   * same channel, and for as long as it takes.
   */
  async restore(name: string): Promise<void> {
    const log = consumerLog(this.#parts.logger, name)
    let tries = 0
    const missing = (): boolean => !this.#subscriptions.has(name)
    await restoreConsumer({
      consume: async () => {
        const queue = this.#wanted.get(name)
        tries += 1
        if (queue !== undefined && missing()) await this.take(queue)
      },
      wanted: () => !this.#wanted.stopped && this.channel.isOpen && this.#wanted.includes(name) && missing(),
      gone: this.#signal,
      onDown: log.down,
      clock: this.#parts.clock,
    })
    if (tries > 0 && !missing()) log.restored()
  }

  /** Carries out a change after those before it, however they ended. */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#changed.then(change)
    this.#changed = changed.catch(() => {})
    return changed
  }

  async #consume({ name, consumerPriority }: TaskQueue): Promise<Subscription> {
    const own: { subscription?: Subscription } = {}
    const asked = this.channel.consume(name, (delivery) => this.#deliver(delivery, name), {
      ...(consumerPriority !== undefined && { priority: consumerPriority }),
      onCancelled: (ended) => {
        const current = this.#subscriptions.get(name)
        // One that another has taken over from consumes nothing any more, but has what it delivered.
        if (current !== undefined && current !== own.subscription) void this.#parts.timeouts.ended(name, name, ended)
        else void this.#ended(name, ended)
      },
    })
    own.subscription = await this.#parts.careful.started(name, asked)
    return own.subscription
  }

  #deliver(delivery: Delivery, queue: string): void {
    if (delivery.redelivered) this.#parts.moments.redelivered()
    this.#receiver.receive(delivery, queue)
  }

  async #ended(name: string, ended: EndedConsumer): Promise<void> {
    const { logger, timeouts } = this.#parts
    this.#subscriptions.delete(name)
    const late = await timeouts.ended(name, name, ended)
    if (!late) consumerLog(logger, name).cancelled()
    await this.restore(name)
  }

  /** Leaves what waits on its channel behind, and consumes on another. */
  async #moveOn(): Promise<void> {
    if (this.#wanted.stopped || !(await this.channel.advance()) || this.#left) return
    const count = this.#parts.prefetch.begin()
    await this.channel.prefetch(count, this.#shared ? 'channel' : 'consumer')
    if (this.#left) return
    this.followHeld(count)
    await this.#takeOver()
  }

  /** Replaces the limit that the consumers share by one for each. */
  async #limitEach(): Promise<void> {
    const { prefetch } = this.#parts
    prefetch.detach()
    this.#shared = false
    const { count } = prefetch
    await this.#renew(count)
    // Only now that each has its own: in between there would be none at all.
    await this.channel.prefetch(0, 'channel')
    if (!this.#left) this.followHeld(count)
  }

  /** A consumer's own limit is fixed when it starts: a new consumer takes over from the old one. */
  async #renew(count: number): Promise<void> {
    await this.channel.prefetch(count, 'consumer')
    await this.#takeOver()
  }

  async #takeOver(): Promise<void> {
    for (const [name, before] of this.#subscriptions) {
      const queue = this.#wanted.get(name)
      if (queue === undefined || this.#wanted.stopped) continue
      const next = await this.#consume(queue)
      if (!this.#left) this.#subscriptions.set(name, next)
      else if (this.channel.isOpen) await next.cancel()
      await before.cancel()
    }
  }
}
