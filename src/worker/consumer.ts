import type { Channel, Delivery, EndedConsumer, ServerInfo, Subscription } from '../broker/broker.ts'
import type { ChannelRow } from '../broker/channel-row.ts'
import { restoreConsumer } from '../broker/restore-consumer.ts'
import { TwqError } from '../errors.ts'
import type { TaskQueue } from '../protocol/task-queue.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { consumerLog } from './consumer-log.ts'
import type { ConsumerTimeouts } from './consumer-timeouts.ts'
import { channelPrefetch, type Prefetch, sharesPrefetch } from './prefetch.ts'

/** What a consumer needs around it. */
export interface ConsumerParts {
  /** The queues to begin with. */
  readonly queues: readonly TaskQueue[]
  readonly prefetch: Prefetch
  /** Declares what a queue needs, on other channels: a refusal closes the one it came on. Tells whether it is a quorum queue. */
  readonly declare: (queue: TaskQueue) => Promise<{ readonly quorum: boolean }>
  readonly onDelivery: (delivery: Delivery, queue: string) => void
  /** Judges the end of a consumer that the broker ended. */
  readonly timeouts: Pick<ConsumerTimeouts, 'ended'>
  /** A new channel consumes: whatever was taken from the one before has gone back to the broker. */
  readonly onRenewed: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/** The channel that consumes, with those before it, and what is consumed on it. */
interface Line {
  readonly channel: ChannelRow
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
  /** The queues to consume, by name, as long as nobody says otherwise. */
  readonly #queues: Map<string, TaskQueue>
  /** Those of them that nothing is taken from for now. */
  readonly #suspended = new Set<string>()
  #line: Line | undefined
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

  /** Sets up a new channel: declare, limit, consume. */
  async setup(channel: ChannelRow, signal: AbortSignal, server: ServerInfo): Promise<void> {
    const { prefetch, declare, onRenewed } = this.#parts
    this.#forget()
    onRenewed()
    if (this.#stopped) return
    const declared = new Set<TaskQueue>()
    let quorum = false
    for (const queue of this.queues) {
      try {
        quorum = (await declare(queue)).quorum || quorum
        declared.add(queue)
      } catch (error) {
        if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
      }
    }
    const shared = sharesPrefetch(server, quorum)
    // The limit comes before the first consumer: deliveries start at once.
    const count = prefetch.begin()
    await channel.prefetch(count, shared ? 'channel' : 'consumer')
    if (this.#stopped || signal.aborted) return
    const line: Line = { channel, signal, subscriptions: new Map(), shared, changed: Promise.resolve() }
    this.#line = line
    signal.addEventListener('abort', () => this.#line === line && this.#forget(), { once: true })
    this.#followHeld(line, count)
    try {
      await this.#inTurn(line, () => this.#reconcile(line, declared))
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
      for (const { name } of this.queues) if (!line.subscriptions.has(name)) void this.#restore(line, name)
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
      await this.#inTurn(line, () => this.#reconcile(line))
    } catch (error) {
      // Another queue may be the one whose node is down.
      if (isLoss(error, line.channel) || line.subscriptions.has(queue.name)) return
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
      await this.#inTurn(line, () => this.#reconcile(line)).catch(() => {})
    }
    return true
  }

  /** Takes nothing from a queue until `unsuspend`, on later connections either. Never rejects. */
  async suspend(name: string): Promise<void> {
    this.#suspended.add(name)
    const line = this.#line
    // A failure means that the channel is going: the next one takes nothing from it.
    if (line !== undefined) await this.#inTurn(line, () => this.#reconcile(line)).catch(() => {})
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
    if (line !== undefined) await this.#inTurn(line, () => this.#reconcile(line)).catch(() => {})
  }

  /** Takes messages again. Never rejects: a queue that can't be consumed is restored as soon as it can. */
  async resume(): Promise<void> {
    this.#paused = false
    const line = this.#line
    if (line === undefined) return
    await this.#inTurn(line, () => this.#reconcile(line)).catch(() => {})
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

  /**
   * Has each wanted queue consumed, and no other. Those `declared` just before are not declared again. Rejects with
   * `TWQ_QUEUE_DOWN` where all but those are consumed that live on a node which is down.
   */
  async #reconcile(line: Line, declared: ReadonlySet<TaskQueue> = new Set()): Promise<void> {
    const { channel, subscriptions } = line
    for (const [name, subscription] of subscriptions) {
      if (this.#isWanted(name)) continue
      subscriptions.delete(name)
      await subscription.cancel()
    }
    let down: TwqError | undefined
    if (this.#paused) return
    for (const queue of this.queues) {
      if (subscriptions.has(queue.name) || !this.#isWanted(queue.name)) continue
      if (!declared.has(queue)) {
        try {
          const { quorum } = await this.#parts.declare(queue)
          // RabbitMQ ends the connection of a channel that has a shared limit and consumes a quorum queue.
          if (quorum && line.shared) await this.#limitEach(line)
        } catch (error) {
          if (!TwqError.is(error, 'TWQ_QUEUE_DOWN')) throw error
          down ??= error
          continue
        }
      }
      if (this.#line !== line) return
      const subscription = await this.#consume(line, queue)
      if (this.#line === line) subscriptions.set(queue.name, subscription)
      else if (channel.isOpen) await subscription.cancel()
    }
    if (down !== undefined) throw down
  }

  async #consume(line: Line, { name, consumerPriority }: TaskQueue): Promise<Subscription> {
    const own: { subscription?: Subscription } = {}
    own.subscription = await line.channel.consume(name, (delivery) => this.#parts.onDelivery(delivery, name), {
      ...(consumerPriority !== undefined && { priority: consumerPriority }),
      onCancelled: (ended) => {
        const current = line.subscriptions.get(name)
        // One that another has taken over from consumes nothing any more, but has what it delivered.
        if (current !== undefined && current !== own.subscription) void this.#parts.timeouts.ended(name, name, ended)
        else void this.#ended(line, name, ended)
      },
    })
    return own.subscription
  }

  async #ended(line: Line, name: string, ended: EndedConsumer): Promise<void> {
    const { logger, timeouts } = this.#parts
    line.subscriptions.delete(name)
    const late = await timeouts.ended(name, name, ended)
    if (!late) consumerLog(logger, name).cancelled()
    await this.#restore(line, name)
  }

  /**
   * Declares and consumes a queue whose consumer the broker has ended, since it was deleted, has moved, or went down with
   * its node: on the same channel, and for as long as it takes.
   */
  async #restore(line: Line, name: string): Promise<void> {
    const { channel, signal, subscriptions } = line
    const log = consumerLog(this.#parts.logger, name)
    await restoreConsumer({
      consume: () =>
        this.#inTurn(line, () => this.#reconcile(line)).catch((error) => {
          // Another queue may be the one that is down.
          if (!subscriptions.has(name)) throw error
        }),
      wanted: () => !this.#stopped && channel.isOpen && this.#isWanted(name),
      gone: signal,
      onDown: log.down,
      clock: this.#parts.clock,
    })
    if (subscriptions.has(name)) log.restored()
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

/** A lost channel is no objection to what was asked of it: the next one is asked again. */
export function isLoss(error: unknown, channel: Pick<Channel, 'isOpen'>): boolean {
  return !channel.isOpen && TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CHANNEL_CLOSED', 'TWQ_CONSUMER_TIMEOUT')
}
