import type { Channel, ServerInfo } from '../../broker/broker.ts'
import type { ChannelSet } from '../../broker/channels/channel-set.ts'
import { cannotBeMended } from '../../broker/kept-channel.ts'
import { TwqError } from '../../errors.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import { pause } from '../../runtime/time/pause.ts'
import { sharesPrefetch } from '../request/prefetch.ts'
import { Asked } from './asked-queue.ts'
import { ConsumingChannel, type ConsumingParts } from './consuming-channel.ts'
import type { DeliveryReceiver } from './queue-consumers.ts'
import { WantedQueues } from './wanted-queues.ts'

/** The parts of the worker that the consumer works with. */
export interface ConsumerParts extends ConsumingParts {
  /** The initial queues. */
  readonly queues: readonly TaskQueue[]
}

// In milliseconds: queues that answer later are consumed later.
const MOMENT = 1_000
// How long the start waits for queues that answer late, to report what is wrong with them.
const PATIENCE = 5_000

/**
 * Subscribes to the task queues on one channel, in the same way on the first connection and on later ones. Another channel takes
 * over when many tasks wait on the current one.
 */
export class Consumer {
  readonly #parts: ConsumerParts
  readonly #wanted: WantedQueues
  /** The channel that consumes now. */
  #current: ConsumingChannel | undefined
  #everUp = false

  constructor(parts: ConsumerParts) {
    this.#parts = parts
    this.#wanted = new WantedQueues(parts.queues)
  }

  /** The queues that it should consume, with or without a connection. */
  get queues(): readonly TaskQueue[] {
    return this.#wanted.all()
  }

  /** The names of the queues with a confirmed consumer. */
  get consuming(): string[] {
    return this.#current?.consuming ?? []
  }

  /** How many consumers of a queue there are here. */
  consumersOf(name: string): number {
    return this.#current?.consumersOf(name) ?? 0
  }

  /**
   * Sets up a new channel: declare, limit, consume. The queues are declared in parallel, and consumed as soon as they are
   * declared: one that the broker does not answer for, or refuses for now, delays no other. The first time it rejects with errors
   * that retrying can't fix; later such a queue is retried while the others are consumed.
   */
  async setup(
    channel: ChannelSet,
    signal: AbortSignal,
    { server, receiver }: { readonly server: ServerInfo; readonly receiver: DeliveryReceiver },
  ): Promise<void> {
    const { prefetch, careful, clock, moments } = this.#parts
    const wanted = this.#wanted
    this.#forget()
    moments.takenBack()
    if (wanted.stopped) return
    const asked = this.queues.map((queue) => new Asked(queue, this.#parts.declare(queue)))
    const answered = Promise.all(asked.map(({ answer }) => answer))
    await Promise.race([answered, pause(clock, MOMENT, signal)])
    this.#throwHopeless(asked)
    const shared = sharesPrefetch(
      server,
      asked.some(({ declared }) => declared?.quorum === true),
    )
    // The limit comes before the first consumer: deliveries start at once.
    prefetch.reset()
    const count = prefetch.begin()
    await channel.prefetch(count, shared ? 'channel' : 'consumer')
    if (wanted.stopped || signal.aborted) return
    const current = new ConsumingChannel({ channel, signal, receiver, wanted, shared }, this.#parts)
    this.#current?.leave()
    this.#current = current
    signal.addEventListener('abort', () => this.#current === current && this.#forget(), { once: true })
    current.followHeld(count)
    const prompt = asked.filter(({ queue, declared }) => declared !== undefined && !careful.doubts(queue.name))
    for (const { queue, declared } of prompt) if (declared) await current.begin(queue, declared)
    const others = asked.filter((one) => !prompt.includes(one))
    const taken = others.map(async ({ queue, answer }) => {
      const declared = careful.doubts(queue.name) ? undefined : await answer
      if (declared !== undefined) await current.begin(queue, declared)
    })
    // A permanent problem with a queue is reported at the start.
    if (!this.#everUp) await Promise.race([Promise.allSettled(taken), pause(clock, PATIENCE, signal)])
    this.#throwHopeless(asked)
    this.#everUp = true
    for (const [index, { queue }] of others.entries()) {
      void taken[index]?.catch(() => {}).then(() => current.restore(queue.name))
    }
  }

  /**
   * Consumes one more queue, now and on every later connection. Resolves once it is consumed, or at once if there is no
   * connection or it was already consumed. Rejects with the broker's refusal, and then forgets the queue.
   */
  async add(queue: TaskQueue): Promise<void> {
    if (this.#wanted.get(queue.name) !== undefined) return
    this.#wanted.add(queue)
    const current = this.#current
    if (current === undefined) return
    try {
      await current.take(queue)
    } catch (error) {
      if (isLoss(error, current.channel)) return
      // It may have been removed, and added anew with other properties.
      if (this.#wanted.get(queue.name) === queue) this.#wanted.remove(queue.name)
      throw error
    }
  }

  /** Stops consuming a queue, now and on later connections; messages in hand are run. False if it was not consumed. */
  async remove(name: string): Promise<boolean> {
    if (!this.#wanted.remove(name)) return false
    // Without a channel there is no consumer either.
    await this.#current?.end(name)
    return true
  }

  /** Suspends a queue until `unsuspend`, also on later connections. Never rejects. */
  async suspend(name: string): Promise<void> {
    this.#wanted.suspend(name)
    await this.#current?.end(name)
  }

  /** Resumes a suspended queue. Never rejects: one that can't be consumed is restored as soon as possible. */
  async unsuspend(name: string): Promise<void> {
    this.#wanted.unsuspend(name)
    if (this.#wanted.includes(name)) await this.#current?.restore(name)
  }

  /** Pauses until `resume`, also on later connections; resolves when nothing arrives any more. Never rejects. */
  async pause(): Promise<void> {
    this.#wanted.paused = true
    const current = this.#current
    await Promise.all(this.consuming.map((name) => current?.end(name)))
  }

  /** Resumes. Never rejects: a queue that can't be consumed is restored as soon as possible. */
  async resume(): Promise<void> {
    this.#wanted.paused = false
    const current = this.#current
    if (current === undefined) return
    const wanted = this.queues.filter(({ name }) => this.#wanted.includes(name))
    await Promise.all(wanted.map((queue) => current.take(queue).catch(() => {})))
    if (this.#current !== current || !current.channel.isOpen || this.#wanted.stopped) return
    const { consuming } = current
    for (const { name } of this.queues) {
      if (this.#wanted.includes(name) && !consuming.includes(name)) void current.restore(name)
    }
  }

  /** Stops consuming; messages in hand stay. */
  async stop(): Promise<void> {
    this.#wanted.stopped = true
    await this.#forget()?.endAll()
  }

  /** Returns the channel that consumed until now. */
  #forget(): ConsumingChannel | undefined {
    const current = this.#current
    current?.leave()
    this.#current = undefined
    this.#parts.prefetch.detach()
    return current
  }

  /** Throws errors that retrying can't fix, as long as the worker has never consumed. */
  #throwHopeless(asked: readonly Asked[]): void {
    if (this.#everUp) return
    for (const { error } of asked) if (error !== undefined && cannotBeMended(error)) throw error
  }
}

/** True if a request failed only because its channel was lost: it is repeated on the next one. */
export function isLoss(error: unknown, channel: Pick<Channel, 'isOpen'>): boolean {
  return !channel.isOpen && TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CHANNEL_CLOSED', 'TWQ_CONSUMER_TIMEOUT')
}
