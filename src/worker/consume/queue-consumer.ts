import type { Channel, Delivery, EndedConsumer, ServerInfo, Subscription } from '../../broker/broker.ts'
import type { CarefulConsumers } from '../../broker/channels/careful-consumers.ts'
import type { ChannelSet } from '../../broker/channels/channel-set.ts'
import { restoreConsumer } from '../../broker/channels/restore-consumer.ts'
import { cannotBeMended } from '../../broker/kept-channel.ts'
import { TwqError } from '../../errors.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import type { Moments } from '../request/moments.ts'
import { channelPrefetch, type Prefetch, sharesPrefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'
import { Asked } from './asked-queue.ts'
import { consumerLog } from './consumer-log.ts'
import type { ConsumerTimeouts } from './consumer-timeouts.ts'

/** The parts of the worker that the consumer works with. */
export interface ConsumerParts {
  /** The queues to begin with. */
  readonly queues: readonly TaskQueue[]
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

// Milliseconds: what answers later is consumed later.
const MOMENT = 1_000
// So long the start waits for what answers late, to tell what is wrong with it.
const PATIENCE = 5_000

/** Takes every delivery of a task queue, and of its suspects; the intake of the worker is one. Never throws. */
export interface DeliveryReceiver {
  receive(delivery: Delivery, queue: string, source?: Request['source']): void
}

/** The channel that consumes, with those before it, and what is consumed on it. */
interface Line {
  readonly channel: ChannelSet
  readonly receiver: DeliveryReceiver
  readonly signal: AbortSignal
  readonly subscriptions: Map<string, Subscription>
  /** One limit for all consumers, or one for each. */
  shared: boolean
  /** What was asked for last is done when this settles: changes go one after the other. */
  changed: Promise<void>
}

/**
 * Subscribes to the task queues on one channel, the same way on the first connection and on every later one. Another
 * channel takes over where many tasks wait on the one that consumed.
 */
export class Consumer {
  readonly #parts: ConsumerParts
  /** The queues to consume, by name; `add` and `remove` change them. */
  readonly #queues: Map<string, TaskQueue>
  /** The queues among them that are not consumed until `unsuspend`. */
  readonly #suspended = new Set<string>()
  #line: Line | undefined
  #everUp = false
  #stopped = false
  #paused = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#queues = new Map(parts.queues.map((queue) => [queue.name, queue]))
  }

  /** The queues that it is to consume, whether or not there is a connection just now. */
  get queues(): readonly TaskQueue[] {
    return [...this.#queues.values()]
  }

  /** The names of the queues with a confirmed consumer. */
  get consuming(): string[] {
    return [...(this.#line?.subscriptions.keys() ?? [])]
  }

  /**
   * Sets up a new channel: declare, limit, consume. The queues are declared side by side, and consumed as soon as they are:
   * one that the broker does not answer for, or refuses for now, keeps no other waiting. The first time it rejects with what
   * trying again can't mend; later such a queue is tried again while the others are consumed.
   */
  async setup(
    channel: ChannelSet,
    signal: AbortSignal,
    { server, receiver }: { readonly server: ServerInfo; readonly receiver: DeliveryReceiver },
  ): Promise<void> {
    const { prefetch, careful, clock, moments } = this.#parts
    this.#forget()
    moments.takenBack()
    if (this.#stopped) return
    const asked = this.queues.map((queue) => new Asked(queue, this.#parts.declare(queue)))
    const answered = Promise.all(asked.map(({ answer }) => answer))
    await Promise.race([answered, pause(clock, MOMENT, signal)])
    this.#throwHopeless(asked)
    const shared = sharesPrefetch(
      server,
      asked.some(({ declared }) => declared?.quorum === true),
    )
    // The limit comes before the first consumer: deliveries start at once.
    const count = prefetch.begin()
    await channel.prefetch(count, shared ? 'channel' : 'consumer')
    if (this.#stopped || signal.aborted) return
    const line: Line = { channel, receiver, signal, subscriptions: new Map(), shared, changed: Promise.resolve() }
    this.#line = line
    signal.addEventListener('abort', () => this.#line === line && this.#forget(), { once: true })
    this.#followHeld(line, count)
    const prompt = asked.filter(({ queue, declared }) => declared !== undefined && !careful.doubts(queue.name))
    for (const { queue, declared } of prompt) if (declared) await this.#begin(line, queue, declared)
    const others = asked.filter((one) => !prompt.includes(one))
    const taken = others.map(async ({ queue, answer }) => {
      const declared = careful.doubts(queue.name) ? undefined : await answer
      if (declared !== undefined) await this.#begin(line, queue, declared)
    })
    // What is wrong with a queue for good is told at the start.
    if (!this.#everUp) await Promise.race([Promise.allSettled(taken), pause(clock, PATIENCE, signal)])
    this.#throwHopeless(asked)
    this.#everUp = true
    for (const [index, { queue }] of others.entries()) {
      void taken[index]?.catch(() => {}).then(() => this.#restore(line, queue.name))
    }
  }

  /**
   * Consumes one more queue, now and on every later connection. Resolves once it is consumed, or at once where there is
   * no connection or it was consumed before. Rejects with what the broker has against it, and forgets it then.
   */
  async add(queue: TaskQueue): Promise<void> {
    if (this.#queues.has(queue.name)) return
    this.#queues.set(queue.name, queue)
    const line = this.#line
    if (line === undefined) return
    try {
      await this.#take(line, queue)
    } catch (error) {
      if (isLoss(error, line.channel)) return
      this.#queues.delete(queue.name)
      throw error
    }
  }

  /** Takes nothing more from a queue, now and on later connections; what is in hand is run. False when it was not consumed. */
  async remove(name: string): Promise<boolean> {
    if (!this.#queues.delete(name)) return false
    const line = this.#line
    if (line !== undefined) {
      // Without a channel there is no consumer either.
      await this.#inTurn(line, () => this.#cancel(line, name)).catch(() => {})
    }
    return true
  }

  /** Takes nothing from a queue until `unsuspend`, on later connections either. Never rejects. */
  async suspend(name: string): Promise<void> {
    this.#suspended.add(name)
    const line = this.#line
    // A failure means that the channel is going: the next one takes nothing from it.
    if (line !== undefined) await this.#inTurn(line, () => this.#cancel(line, name)).catch(() => {})
  }

  /** Takes from a queue again. Never rejects: one that can't be consumed is restored as soon as it can. */
  async unsuspend(name: string): Promise<void> {
    this.#suspended.delete(name)
    const line = this.#line
    if (line !== undefined && this.#isWanted(name)) await this.#restore(line, name)
  }

  #isWanted(name: string): boolean {
    return !this.#paused && this.#queues.has(name) && !this.#suspended.has(name)
  }

  /** Takes nothing until `resume`, on later connections either; resolves when nothing comes any more. Never rejects. */
  async pause(): Promise<void> {
    this.#paused = true
    const line = this.#line
    // A failure means that the channel is going: the next one takes nothing.
    if (line !== undefined)
      await Promise.allSettled(this.consuming.map((name) => this.#inTurn(line, () => this.#cancel(line, name))))
  }

  /** Takes messages again. Never rejects: a queue that can't be consumed is restored as soon as it can. */
  async resume(): Promise<void> {
    this.#paused = false
    const line = this.#line
    if (line === undefined) return
    const taken = this.queues.map(({ name }) => this.#takeAgain(line, name))
    await Promise.all(taken)
    if (this.#line !== line || !line.channel.isOpen || this.#stopped) return
    for (const { name } of this.queues)
      if (this.#isWanted(name) && !line.subscriptions.has(name)) void this.#restore(line, name)
  }

  /** Stops taking messages; those in hand stay. */
  async stop(): Promise<void> {
    this.#stopped = true
    const subscriptions = [...(this.#line?.subscriptions.values() ?? [])]
    this.#forget()
    await Promise.allSettled(subscriptions.map((subscription) => subscription.cancel()))
  }

  #forget(): void {
    this.#line = undefined
    this.#parts.prefetch.detach()
  }

  /** Carries out a change after those before it, however they ended. */
  #inTurn(line: Line, change: () => Promise<void>): Promise<void> {
    const changed = line.changed.then(change)
    line.changed = changed.catch(() => {})
    return changed
  }

  /** Declares a queue and consumes it; while the broker has no answer, nothing else waits. */
  async #take(line: Line, queue: TaskQueue): Promise<void> {
    const declared = await this.#parts.declare(queue)
    await this.#parts.careful.prove(queue.name)
    await this.#begin(line, queue, declared)
  }

  /** Consumes a queue after a pause, where that is possible now. Never rejects. */
  async #takeAgain(line: Line, name: string): Promise<void> {
    const queue = this.#queues.get(name)
    if (queue === undefined || !this.#isWanted(name)) return
    await this.#take(line, queue).catch(() => {})
  }

  /** Consumes a declared queue, unless it was removed, suspended or paused meanwhile. */
  #begin(line: Line, queue: TaskQueue, { quorum }: { readonly quorum: boolean }): Promise<void> {
    const { channel, subscriptions } = line
    const { name } = queue
    const wanted = (): boolean => this.#line === line && this.#queues.get(name) === queue && this.#isWanted(name)
    return this.#inTurn(line, async () => {
      if (!wanted() || subscriptions.has(name)) return
      // RabbitMQ ends the connection of a channel that has a shared limit and consumes a quorum queue.
      if (quorum && line.shared) await this.#limitEach(line)
      const subscription = await this.#consume(line, queue)
      if (wanted()) subscriptions.set(name, subscription)
      else if (channel.isOpen) await subscription.cancel()
    })
  }

  async #cancel({ subscriptions }: Line, name: string): Promise<void> {
    const subscription = subscriptions.get(name)
    if (subscription === undefined || this.#isWanted(name)) return
    subscriptions.delete(name)
    await subscription.cancel()
  }

  /** Throws what trying again can't mend, as long as the worker has never consumed. */
  #throwHopeless(asked: readonly Asked[]): void {
    if (this.#everUp) return
    for (const { error } of asked) if (error !== undefined && cannotBeMended(error)) throw error
  }

  async #consume(line: Line, { name, consumerPriority }: TaskQueue): Promise<Subscription> {
    const own: { subscription?: Subscription } = {}
    const asked = line.channel.consume(name, (delivery) => this.#deliver(delivery, name, line.receiver), {
      ...(consumerPriority !== undefined && { priority: consumerPriority }),
      onCancelled: (ended) => {
        const current = line.subscriptions.get(name)
        // One that another has taken over from consumes nothing any more, but has what it delivered.
        if (current !== undefined && current !== own.subscription) void this.#parts.timeouts.ended(name, name, ended)
        else void this.#ended(line, name, ended)
      },
    })
    own.subscription = await this.#parts.careful.started(name, asked)
    return own.subscription
  }

  #deliver(delivery: Delivery, queue: string, receiver: DeliveryReceiver): void {
    if (delivery.redelivered) this.#parts.moments.redelivered()
    receiver.receive(delivery, queue)
  }

  async #ended(line: Line, name: string, ended: EndedConsumer): Promise<void> {
    const { logger, timeouts } = this.#parts
    line.subscriptions.delete(name)
    const late = await timeouts.ended(name, name, ended)
    if (!late) consumerLog(logger, name).cancelled()
    await this.#restore(line, name)
  }

  /**
   * Declares and consumes a queue that has no consumer, since it was deleted, has moved, or went down with its node: on the
   * same channel, and for as long as it takes.
   */
  async #restore(line: Line, name: string): Promise<void> {
    const { channel, signal, subscriptions } = line
    const log = consumerLog(this.#parts.logger, name)
    let tries = 0
    const missing = (): boolean => !subscriptions.has(name)
    await restoreConsumer({
      consume: async () => {
        const queue = this.#queues.get(name)
        tries += 1
        if (queue !== undefined && missing()) await this.#take(line, queue)
      },
      wanted: () => !this.#stopped && channel.isOpen && this.#isWanted(name) && missing(),
      gone: signal,
      onDown: log.down,
      clock: this.#parts.clock,
    })
    if (tries > 0 && !missing()) log.restored()
  }

  /** From now on the limit, which is `applied`, follows the requests held for later. */
  #followHeld(line: Line, applied: number): void {
    const renew = (count: number): Promise<void> => this.#inTurn(line, () => this.#renew(line, count))
    const apply = line.shared ? channelPrefetch(line.channel) : renew
    this.#parts.prefetch.attach(apply, {
      stepped: !line.shared,
      applied,
      // A failure means that the channels are going.
      onCrowded: () => void this.#inTurn(line, () => this.#moveOn(line)).catch(() => {}),
    })
  }

  /** Leaves what waits on its channel behind, and consumes on another. */
  async #moveOn(line: Line): Promise<void> {
    const { channel, shared } = line
    if (this.#stopped || !(await channel.advance()) || this.#line !== line) return
    const count = this.#parts.prefetch.begin()
    await channel.prefetch(count, shared ? 'channel' : 'consumer')
    if (this.#line !== line) return
    this.#followHeld(line, count)
    await this.#takeOver(line)
  }

  /** Replaces the limit that the consumers share by one for each. */
  async #limitEach(line: Line): Promise<void> {
    const { prefetch } = this.#parts
    prefetch.detach()
    line.shared = false
    const { count } = prefetch
    await this.#renew(line, count)
    // Only now that each has its own: in between there would be none at all.
    await line.channel.prefetch(0, 'channel')
    if (this.#line === line) this.#followHeld(line, count)
  }

  /** A consumer's own limit is fixed when it starts: a new consumer takes over from the old one. */
  async #renew(line: Line, count: number): Promise<void> {
    await line.channel.prefetch(count, 'consumer')
    await this.#takeOver(line)
  }

  async #takeOver(line: Line): Promise<void> {
    const { subscriptions } = line
    for (const [name, before] of subscriptions) {
      const queue = this.#queues.get(name)
      if (queue === undefined || this.#stopped) continue
      const next = await this.#consume(line, queue)
      if (this.#line === line) subscriptions.set(name, next)
      else if (line.channel.isOpen) await next.cancel()
      await before.cancel()
    }
  }
}

/** True when a request failed only because its channel was lost: it is repeated on the next one. */
export function isLoss(error: unknown, channel: Pick<Channel, 'isOpen'>): boolean {
  return !channel.isOpen && TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CHANNEL_CLOSED', 'TWQ_CONSUMER_TIMEOUT')
}
