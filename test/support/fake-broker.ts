import type {
  Broker,
  Channel,
  CloseReason,
  Connection,
  ExchangeSpec,
  PublishListener,
  QueueStatus,
} from '../../src/broker/broker.ts'
import type { Route, WireMessage } from '../../src/protocol/wire.ts'
import { type Deferred, deferred } from '../../src/runtime/time/deferred.ts'

/** A publish that waits for the test to answer it. */
export interface Publish {
  readonly route: Route
  readonly message: WireMessage
  readonly answer: Deferred<'confirmed' | 'returned'>
}

/** A broker whose connections and channels live and die as the test says. Nothing is routed. */
export class FakeBroker implements Broker {
  readonly connections: FakeConnection[] = []
  /** Errors for the next tries, in order; after them connecting succeeds. */
  readonly refusals: Error[] = []
  tries = 0

  get current(): FakeConnection | undefined {
    return this.connections.findLast((connection) => connection.isOpen)
  }

  async connect(): Promise<FakeConnection> {
    this.tries += 1
    const refusal = this.refusals.shift()
    if (refusal) throw refusal
    const connection = new FakeConnection()
    this.connections.push(connection)
    return connection
  }
}

class FakeConnection implements Connection {
  readonly server = { product: 'RabbitMQ', version: '3.10.8', heartbeat: 10, frameMax: 131_072 }
  readonly channels: FakeChannel[] = []
  readonly #closed = deferred<CloseReason>()
  readonly #listeners = new Set<(reason: string | undefined) => void>()
  blocked: string | undefined
  isOpen = true
  /** How it answers a polite close: not at all, for a peer that is gone. */
  answersClose = true

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  onBlocked(listener: (reason: string | undefined) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  block(reason: string | undefined): void {
    this.blocked = reason
    for (const listener of this.#listeners) listener(reason)
  }

  async openChannel(): Promise<FakeChannel> {
    await Promise.resolve()
    if (!this.isOpen) {
      const reason = await this.closed
      throw reason.kind === 'lost' ? reason.error : new Error('the connection was closed')
    }
    const channel = new FakeChannel()
    this.channels.push(channel)
    return channel
  }

  /** The connection is lost, with everything on it. */
  lose(error: Error): void {
    this.isOpen = false
    for (const channel of this.channels) channel.lose(error)
    this.#closed.resolve({ kind: 'lost', error })
  }

  destroy(error: Error): void {
    this.lose(error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.answersClose && this.isOpen) {
      this.isOpen = false
      for (const channel of this.channels) await channel[Symbol.asyncDispose]()
      this.#closed.resolve({ kind: 'requested' })
    }
    await this.closed
  }
}

export class FakeChannel implements Channel {
  readonly #closed = deferred<CloseReason>()
  readonly publishes: Publish[] = []
  readonly exchanges: ExchangeSpec[] = []
  readonly idle = true
  isOpen = true

  get closed(): Promise<CloseReason> {
    return this.#closed.promise
  }

  /** The bodies handed over, as text. */
  get bodies(): string[] {
    return this.publishes.map(({ message }) => Buffer.from(message.body).toString())
  }

  lose(error: Error): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const { answer } of this.publishes) answer.reject(error)
    this.#closed.resolve({ kind: 'lost', error })
  }

  publish(route: Route, message: WireMessage): Promise<'confirmed' | 'returned'> {
    const publish = { route, message, answer: deferred<'confirmed' | 'returned'>() }
    this.publishes.push(publish)
    return publish.answer.promise
  }

  post(route: Route, message: WireMessage, _options: object, listener: PublishListener): void {
    this.publish(route, message).then(
      (outcome) => listener.confirmed(outcome),
      (error) => listener.refused(error),
    )
  }

  async ping(): Promise<void> {}

  async declareExchange(exchange: ExchangeSpec): Promise<void> {
    this.exchanges.push(exchange)
  }

  async inspectQueue(name: string): Promise<QueueStatus> {
    return { name, messages: 0, consumers: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOpen = false
    this.#closed.resolve({ kind: 'requested' })
  }

  readonly declareQueue = unused
  readonly bind = unused
  readonly bindExchange = unused
  readonly deleteQueue = unused
  readonly purgeQueue = unused
  readonly get = unused
  readonly prefetch = unused
  readonly consume = unused
}

function unused(): Promise<never> {
  return Promise.reject(new Error('the fake broker has no such thing'))
}
