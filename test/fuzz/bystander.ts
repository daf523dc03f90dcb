import { amqpBroker } from '../../src/broker/amqp/amqp-broker.ts'
import { type Client, createClient } from '../../src/client/create-client.ts'
import { ClusterState } from '../../src/events/cluster-state.ts'
import type { EventStream } from '../../src/events/receiver.ts'
import { systemClock } from '../../src/runtime/time/clock.ts'
import { Broadcast } from '../../src/sending/broadcast.ts'

// An ordinary task waits for all that was sent before it.
const PATIENCE = 60_000

/**
 * An honest user of the same broker, by our own client: sends ordinary tasks and reads their results, follows the events,
 * and asks the workers. Strangers write into the queue that its results come to.
 */
export class Bystander implements AsyncDisposable {
  readonly #client: Client
  readonly #url: string
  readonly #events: EventStream
  readonly #cluster = new ClusterState()
  readonly #reading: Promise<void>
  #finished = false
  /** Ordinary tasks that were sent. */
  good = 0
  /** Those without their result, and questions without an answer. */
  lost = 0
  /** Why, the first few times. */
  readonly reasons: string[] = []

  constructor(url: string, queue: string, resultBackend: string) {
    this.#url = url
    this.#client = createClient({ broker: url, queue, resultBackend, publishTimeout: PATIENCE })
    this.#events = this.#client.events()
    this.#reading = this.#read()
  }

  /** Where its results come to. */
  get replies(): string {
    const { properties } = this.#client.encode('acceptance.work', [0]).message
    return properties.replyTo ?? ''
  }

  /** Sends one ordinary task; resolves when its result has come, or has not for too long. */
  async work(): Promise<void> {
    this.good += 1
    try {
      const task = await this.#client.send('acceptance.work', [0])
      const result = await task.result({ timeout: PATIENCE })
      if (result !== task.id) this.#lose(`task ${task.id} has the result ${JSON.stringify(result)}`)
    } catch (error) {
      this.#lose(error)
    }
  }

  /** Asks the workers whether they are there; resolves when one has answered, or none has for too long. */
  async ask(): Promise<void> {
    try {
      await using broadcast = await Broadcast.open(
        amqpBroker({ url: this.#url, heartbeat: 10_000, name: 'fuzz' }),
        systemClock,
      )
      const replies = await broadcast.ask('ping', {}, { timeout: PATIENCE, quiet: 100 })
      if (replies.size === 0) this.#lose('no worker answered a ping')
    } catch (error) {
      this.#lose(error)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#finished = true
    await this.#events[Symbol.asyncDispose]()
    await this.#reading
    await this.#client.close()
  }

  async #read(): Promise<void> {
    try {
      for await (const event of this.#events) this.#cluster.apply(event)
      if (!this.#finished) this.#lose('the stream of events has ended')
    } catch (error) {
      this.#lose(error)
    }
  }

  #lose(reason: unknown): void {
    this.lost += 1
    if (this.reasons.length < 10) this.reasons.push(String(reason))
  }
}
