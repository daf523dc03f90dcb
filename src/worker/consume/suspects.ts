import type { Channel, Delivery, EndedConsumer, ServerInfo } from '../../broker/broker.ts'
import type { CarefulConsumers, ConsumedQueue } from '../../broker/channels/careful-consumers.ts'
import type { LeavingConsumer } from '../../broker/channels/leaving-consumers.ts'
import { restoreConsumer } from '../../broker/channels/restore-consumer.ts'
import { cannotBeMended } from '../../broker/kept-channel.ts'
import { suspectsQueue } from '../../protocol/companion-queues.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { sharesPrefetch } from '../request/prefetch.ts'
import { consumerLog } from './consumer-log.ts'
import type { ConsumerTimeouts } from './consumer-timeouts.ts'
import { isLoss } from './queue-consumer.ts'
import type { DeliveryReceiver } from './queue-consumers.ts'
import { unpackedDelivery } from './unpacked-delivery.ts'

/** The parts that consuming suspects works with. */
export interface SuspectsParts {
  /** Declares the suspects of a task queue, on another channel: a refusal closes the one it came on. Tells whether that is a quorum queue. */
  readonly declare: (queue: string) => Promise<{ readonly quorum: boolean }>
  readonly careful: Pick<CarefulConsumers, 'doubts' | 'prove' | 'started' | 'end'>
  /** Finds out why the broker ended a consumer. */
  readonly timeouts: Pick<ConsumerTimeouts, 'ended'>
  readonly clock: Clock
  readonly logger: EventLogger
}

interface SuspectsConsumer extends LeavingConsumer, ConsumedQueue {
  /** Whether its queue takes back messages in transit when it ends. */
  readonly quorum: boolean
}

/**
 * Takes one message at a time from the suspects of the task queues, on a channel of its own: a delivered one is started at once,
 * so a redelivered one has started before. (If a limit can't be shared among consumers, for example with a quorum queue, it takes
 * one per queue.)
 */
export class Suspects {
  readonly #parts: SuspectsParts
  readonly #queues: Set<string>
  #consumers = new Map<string, Promise<SuspectsConsumer>>()
  /** Those of which the log does not say yet that their suspects are consumed again. */
  readonly #missed = new Set<string>()
  /** The task queues whose suspects are a quorum queue. */
  readonly #quorum = new Set<string>()
  /** The task queues whose suspects can't be consumed for now, for instance since their node is down. */
  #down = new Set<string>()
  #channel: Channel | undefined
  #receiver: DeliveryReceiver | undefined
  /** Aborts with the channel. */
  #gone: AbortSignal = AbortSignal.abort()
  /** One limit for all consumers, or one for each. */
  #shared = false
  /** How many have it paused. */
  #pauses = 0
  #everUp = false
  #stopped = false
  /** Counts the suspects that were delivered on this channel and are held in `HeldAside`. */
  #held = { count: 0 }

  constructor(queues: readonly string[], parts: SuspectsParts) {
    this.#parts = parts
    this.#queues = new Set(queues)
  }

  /** Sets up a new channel. */
  async setup(
    channel: Channel,
    gone: AbortSignal,
    { server, receiver }: { readonly server: ServerInfo; readonly receiver: DeliveryReceiver },
  ): Promise<void> {
    this.#channel = undefined
    this.#receiver = receiver
    this.#gone = gone
    this.#consumers = new Map()
    this.#down = new Set()
    this.#held = { count: 0 }
    if (this.#stopped) return
    const known = [...this.#queues]
    const declared = await Promise.all(known.map((queue) => this.#declareOrPassOver(queue)))
    this.#shared = sharesPrefetch(server, declared.includes('quorum'))
    await channel.prefetch(1, this.#shared ? 'channel' : 'consumer')
    for (const queue of known) await this.#consume(channel, queue)
    // The queues that were added while the others were set up.
    for (const queue of this.#queues) if (!known.includes(queue)) await this.#declareAndConsume(channel, queue)
    this.#channel = channel
    this.#everUp = true
    // The queues whose consumers were not started because a pause began meanwhile.
    for (const queue of this.#queues) await this.#consume(channel, queue)
    for (const queue of this.#down) void this.#restore(channel, queue)
  }

  /** Also takes the suspects of one more task queue, now and on every later channel. Rejects as a consumer's `add` does. */
  async add(queue: string): Promise<void> {
    if (this.#queues.has(queue)) return
    this.#queues.add(queue)
    const channel = this.#channel
    if (channel?.isOpen !== true) return
    try {
      await this.#declareAndConsume(channel, queue)
    } catch (error) {
      if (isLoss(error, channel)) return
      this.#queues.delete(queue)
      throw error
    }
  }

  /** Stops taking the suspects of a task queue. */
  async remove(queue: string): Promise<void> {
    this.#queues.delete(queue)
    const consumer = this.#consumers.get(queue)
    this.#consumers.delete(queue)
    // Without a channel there is no consumer either.
    await this.#end(consumer).catch(() => {})
  }

  /** Pauses until `resume`, counted, also on later channels; resolves when none arrives any more. */
  async pause(): Promise<void> {
    this.#pauses += 1
    await this.#endAll()
  }

  /** Resumes. Never rejects: a refusal of the broker ends the channel, and the next one is set up. */
  async resume(): Promise<void> {
    this.#pauses = Math.max(0, this.#pauses - 1)
    if (this.#pauses > 0) return
    const channel = this.#channel
    if (channel?.isOpen !== true) return
    await Promise.allSettled([...this.#queues].map((queue) => this.#consume(channel, queue)))
  }

  /** Takes one more of the suspects of `queue` although one is held, unsettled; call the returned function once that is settled. */
  spare(queue: string): () => void {
    const held = this.#held
    const channel = this.#channel
    held.count += 1
    // Failures mean that the channel is closing: nothing is held on the next one.
    const limit = (): void => {
      if (channel?.isOpen === true) channel.prefetch(1 + held.count, 'channel').catch(() => {})
    }
    if (this.#shared) limit()
    else if (channel?.isOpen === true) this.#takeOver(channel, queue).catch(() => {})
    return () => {
      held.count -= 1
      if (this.#shared && held === this.#held) limit()
    }
  }

  /** A consumer's own limit counts the messages delivered to it: a new one has none yet. */
  async #takeOver(channel: Channel, queue: string): Promise<void> {
    const before = this.#consumers.get(queue)
    if (before === undefined) return
    const next = this.#subscribe(channel, queue)
    this.#consumers.set(queue, next)
    await next
    await this.#end(before)
  }

  /** Stops. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#endAll()
  }

  async #endAll(): Promise<void> {
    const consumers = [...this.#consumers.values()]
    this.#consumers = new Map()
    await Promise.allSettled(consumers.map((consumer) => this.#end(consumer)))
  }

  /**
   * Ends a consumer: for a quorum queue while nothing is in transit to it, since a message in transit would come back counted as
   * if a process had died.
   */
  async #end(started: Promise<SuspectsConsumer> | undefined): Promise<void> {
    const consumer = await started
    if (consumer?.quorum) await this.#parts.careful.end(consumer, consumer)
    else await consumer?.subscription.cancel()
  }

  /** Declares a suspects queue. After the start, a refused or unreachable one is `down`, and retried later. */
  async #declareOrPassOver(queue: string): Promise<'quorum' | 'classic' | 'down'> {
    const { declare, careful } = this.#parts
    try {
      const { quorum } = await declare(queue)
      this.#note(queue, quorum)
      if (careful.doubts(suspectsQueue(queue))) this.#down.add(queue)
      return quorum ? 'quorum' : 'classic'
    } catch (error) {
      if (!this.#everUp && cannotBeMended(error)) throw error
      this.#down.add(queue)
      return 'down'
    }
  }

  async #declareAndConsume(channel: Channel, queue: string): Promise<void> {
    const { declare, careful } = this.#parts
    const { quorum } = await declare(queue)
    this.#note(queue, quorum)
    await careful.prove(suspectsQueue(queue))
    this.#down.delete(queue)
    // RabbitMQ ends the connection of a channel that has a shared limit and consumes a quorum queue.
    if (quorum && this.#shared) await this.#limitEach(channel)
    await this.#consume(channel, queue)
  }

  #note(queue: string, quorum: boolean): void {
    if (quorum) this.#quorum.add(queue)
    else this.#quorum.delete(queue)
  }

  async #consume(channel: Channel, queue: string): Promise<void> {
    const consumers = this.#consumers
    const wanted = this.#queues.has(queue) && !this.#down.has(queue)
    if (!wanted || consumers.has(queue) || this.#pauses > 0 || this.#stopped) return
    const consumer = this.#subscribe(channel, queue)
    // Set before there is an answer: `pause`, `remove` and `stop` find the consumer here and await it.
    consumers.set(queue, consumer)
    await consumer
    if (this.#missed.delete(queue)) consumerLog(this.#parts.logger, suspectsQueue(queue)).restored()
  }

  #subscribe(channel: Channel, queue: string): Promise<SuspectsConsumer> {
    const consumer = this.#start(channel, queue, (ended) => {
      // Where another one has taken over, or none is to follow, it has still lost its messages if this is a timeout.
      const isCurrent = this.#consumers.get(queue) === consumer
      if (isCurrent) {
        this.#consumers.delete(queue)
        this.#down.add(queue)
      }
      void this.#ended(channel, queue, ended, isCurrent)
    })
    return consumer
  }

  async #start(
    channel: Channel,
    queue: string,
    onCancelled: (ended: EndedConsumer) => void,
  ): Promise<SuspectsConsumer> {
    const { careful } = this.#parts
    const quorum = this.#quorum.has(queue)
    let delivered = 0
    const onDelivery = (delivery: Delivery): void => {
      delivered += 1
      this.#deliver(delivery, queue)
    }
    const asked = channel.consume(suspectsQueue(queue), onDelivery, { onCancelled })
    const subscription = await careful.started(suspectsQueue(queue), asked)
    return {
      subscription,
      queue: suspectsQueue(queue),
      channel,
      quorum,
      get delivered() {
        return delivered
      },
    }
  }

  #deliver(delivery: Delivery, queue: string): void {
    this.#receiver?.receive(unpackedDelivery(delivery), queue, 'suspects')
  }

  async #ended(channel: Channel, queue: string, ended: EndedConsumer, isCurrent: boolean): Promise<void> {
    const { logger, timeouts } = this.#parts
    const late = await timeouts.ended(queue, suspectsQueue(queue), ended)
    if (!isCurrent) return
    if (!late) consumerLog(logger, suspectsQueue(queue)).cancelled()
    await this.#restore(channel, queue)
  }

  /** Consumes a queue that was deleted, or is down with its node, as soon as possible. */
  async #restore(channel: Channel, queue: string): Promise<void> {
    const log = consumerLog(this.#parts.logger, suspectsQueue(queue))
    this.#missed.add(queue)
    await restoreConsumer({
      consume: () => this.#declareAndConsume(channel, queue),
      wanted: () => channel.isOpen && this.#queues.has(queue) && !this.#stopped,
      gone: this.#gone,
      onDown: log.down,
      clock: this.#parts.clock,
    })
  }

  /** Replaces the limit that the consumers share by one for each: new consumers take over, since theirs is fixed when they start. */
  async #limitEach(channel: Channel): Promise<void> {
    this.#shared = false
    await channel.prefetch(1, 'consumer')
    for (const queue of this.#consumers.keys()) await this.#takeOver(channel, queue)
    // Only now that each has its own: in between there would be none at all.
    await channel.prefetch(0, 'channel')
  }
}
