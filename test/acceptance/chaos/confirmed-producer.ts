import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import amqp, { type ConfirmChannel } from 'amqplib'
import type { Publishable } from '../../support/celery-message.ts'

interface Open {
  readonly channel: ConfirmChannel
  /** Rejects when the connection is over. */
  readonly lost: Promise<never>
  close(): Promise<void>
}

/** Publishes until each message is confirmed: what a lost connection left unconfirmed goes out again, with the same id. */
export class ConfirmedProducer implements AsyncDisposable {
  /** When messages were sent once more, by their ids. */
  readonly republished = new Map<string, number[]>()
  readonly #url: string
  #open: Promise<Open> | undefined

  constructor(url: string) {
    this.#url = url
  }

  /** Resolves when the broker has confirmed it. */
  async send(queue: string, { id, body, options }: Publishable): Promise<void> {
    for (;;) {
      const current = await this.#connected()
      const { channel, lost } = current
      const confirmed = new Promise<void>((resolve, reject) => {
        channel.sendToQueue(queue, body, options, (error) => (error ? reject(error) : resolve()))
      })
      try {
        return await Promise.race([confirmed, lost])
      } catch {
        confirmed.catch(() => {})
        await this.#drop(current)
        this.republished.set(id, [...(this.republished.get(id) ?? []), Date.now()])
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#open)?.close().catch(() => {})
  }

  /** Once for each connection, however many messages were under way on it. */
  async #drop(broken: Open): Promise<void> {
    if ((await this.#open?.catch(() => undefined)) === broken) this.#open = undefined
    await broken.close().catch(() => {})
  }

  async #connected(): Promise<Open> {
    for (;;) {
      this.#open ??= open(this.#url)
      try {
        return await this.#open
      } catch {
        this.#open = undefined
        await sleep(200)
      }
    }
  }
}

async function open(url: string): Promise<Open> {
  const target = new URL(url)
  target.searchParams.set('heartbeat', '5')
  const connection = await amqp.connect(target.href, { noDelay: true, timeout: 5_000 })
  connection.on('error', () => {})
  const lost = once(connection, 'close').then(() => Promise.reject(new Error('connection lost')))
  lost.catch(() => {})
  const channel = await Promise.race([connection.createConfirmChannel(), lost])
  channel.on('error', () => {})
  return { channel, lost, close: () => connection.close() }
}
