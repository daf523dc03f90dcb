import { TwqError } from '../../errors.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Channel, Subscription } from '../broker.ts'
import type { DeclaringChannels } from './declaring-channels.ts'
import { endConsumer, type LeavingConsumer } from './leaving-consumers.ts'

/** A consumer's queue, and the channels that its messages come on. */
export interface ConsumedQueue {
  readonly queue: string
  readonly channel: Pick<Channel, 'isOpen' | 'ping'>
}

/** The parts that starting and ending consumers works with. */
export interface CarefulConsumersOptions {
  readonly declaring: Pick<DeclaringChannels, 'alone' | 'withChannel'>
  /** Gives the connection up that consumes: the channel that asked serves no other consumer while it has no answer. */
  readonly giveUp: (error: TwqError) => void
  readonly clock: Clock
}

// Milliseconds that the broker has to confirm a consumer; usually it does so at once.
const PATIENCE = 5_000

/**
 * Starts and ends consumers where one queue may cost the others at most one channel. The broker closes a channel over a queue that
 * it refuses to have consumed, and answers no other request on a channel while a consumer is being started: for a minute where a
 * quorum queue has no leader. Such a queue is in doubt from then on: it is consumed once a consumer for trial, on a connection of its own, has
 * been started.
 */
export class CarefulConsumers {
  readonly #options: CarefulConsumersOptions
  readonly #doubtful = new Set<string>()

  constructor(options: CarefulConsumersOptions) {
    this.#options = options
  }

  /** True for a queue that has cost a channel, and may do so again. */
  doubts(queue: string): boolean {
    return this.#doubtful.has(queue)
  }

  /** Resolves when a queue in doubt can be consumed; rejects with why it can't. A message that comes meanwhile goes back. */
  async prove(queue: string): Promise<void> {
    if (!this.doubts(queue)) return
    await this.#options.declaring.alone(async (channel) => {
      await channel.prefetch(1, 'consumer')
      const trial = await channel.consume(queue, (delivery) => void delivery.nack({ requeue: true }))
      await trial.cancel()
    })
    this.#doubtful.delete(queue)
  }

  /** Waits for a consumer that was asked for on a channel that others need. */
  async started(queue: string, asked: Promise<Subscription>): Promise<Subscription> {
    const { clock, giveUp } = this.#options
    const late = clock.after(PATIENCE, () => {
      this.#doubtful.add(queue)
      const hint = 'A queue without a majority of its nodes does not answer: twq doctor. Others are consumed meanwhile.'
      const text = `the broker did not start a consumer of queue "${queue}" in time`
      giveUp(new TwqError('TWQ_CONNECTION_LOST', text, { hint }))
    })
    try {
      return await asked
    } catch (error) {
      // All others are about the channel or the connection.
      if (!TwqError.is(error, 'TWQ_CONNECTION_LOST', 'TWQ_CHANNEL_CLOSED', 'TWQ_CONSUMER_TIMEOUT')) {
        this.#doubtful.add(queue)
      }
      throw error
    } finally {
      late.cancel()
    }
  }

  /**
   * Ends a consumer of a quorum queue within seconds, while nothing is on its way to it. That is asked of the queue, on another channel, since
   * one that is gone or down would cost this one; then of the channel, which by then has sent on what the queue had sent. Only what is
   * published in that very moment may come back. Rejects as `cancel` does.
   */
  end(consumer: LeavingConsumer, { queue, channel }: ConsumedQueue): Promise<void> {
    const { clock, declaring } = this.#options
    const nothingComes = async (): Promise<boolean> => {
      if (!channel.isOpen) return true
      const { messages } = await declaring.withChannel((asking) => asking.inspectQueue(queue))
      if (messages === 0) await channel.ping()
      return messages === 0
    }
    return endConsumer(consumer, { clock, nothingComes })
  }
}
