import amqp, { type Channel, type ChannelModel } from 'amqplib'
import { deferred } from '../../src/runtime/time/deferred.ts'
import type { HostileMessage } from './hostile.ts'

const MOST_TRIES = 10

/** Publishes what the broker may refuse: it closes the channel then, or the connection, and another one is opened. */
export class HostilePublisher implements AsyncDisposable {
  readonly #url: string
  #connection: ChannelModel | undefined
  #channel: Channel | undefined
  /** How often the broker closed a channel or a connection of ours. */
  refused = 0
  /** Messages that amqplib can't write. */
  unwritable = 0

  constructor(url: string) {
    this.#url = url
  }

  async publish({ exchange, routingKey, options, body }: HostileMessage): Promise<void> {
    const channel = await this.#open()
    try {
      channel.publish(exchange, routingKey, body, options)
    } catch {
      this.unwritable += 1
    }
  }

  /** Resolves once the broker has seen all of it, or has closed the channel. */
  async flush(): Promise<void> {
    const channel = this.#channel
    if (channel === undefined) return
    const { promise: closed, resolve } = deferred<void>()
    channel.once('close', resolve)
    await Promise.race([channel.checkExchange('amq.direct').catch(() => {}), closed])
    channel.off('close', resolve)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.close().catch(() => {})
  }

  /** What was sent last may end the connection while a channel is opened on it. */
  async #open(): Promise<Channel> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#opened()
      } catch (error) {
        this.#connection = undefined
        if (tries === MOST_TRIES) throw error
      }
    }
  }

  async #opened(): Promise<Channel> {
    if (this.#channel !== undefined) return this.#channel
    if (this.#connection === undefined) {
      const connection = await amqp.connect(this.#url)
      connection.on('error', () => {})
      connection.on('close', () => {
        if (this.#connection === connection) this.#connection = undefined
        this.#channel = undefined
      })
      this.#connection = connection
    }
    const channel = await this.#connection.createChannel()
    channel.on('error', () => {
      this.refused += 1
    })
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined
    })
    this.#channel = channel
    return channel
  }
}
