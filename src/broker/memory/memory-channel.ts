import { randomUUID } from 'node:crypto'
import { messageOf, TwqError } from '../../errors.ts'
import { decodeFieldTable } from '../../protocol/headers/decode-field-table.ts'
import { encodeFieldTable } from '../../protocol/headers/encode-field-table.ts'
import type { Headers, Route, WireMessage } from '../../protocol/wire.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import type {
  Channel,
  CloseReason,
  Delivery,
  EndedConsumer,
  ExchangeSpec,
  PublishListener,
  QueueSpec,
  QueueStatus,
  Subscription,
} from '../broker.ts'
import { connectionFailure, refusalFailure } from '../failures.ts'
import { type ChannelClient, type Handout, ServerChannel } from './channel.ts'
import { MemoryDelivery, type SettlingChannel } from './memory-delivery.ts'
import { createMessage } from './message.ts'
import type { Queue } from './queue.ts'
import { Refusal } from './refusal.ts'
import type { VirtualHost } from './vhost.ts'

/** The place that errors name. */
export const WHERE = 'the memory broker'
/** As RabbitMQ's own default, in bytes. */
export const FRAME_MAX = 131_072
// Beside the frame's own 8 bytes it holds the class, the size of the body, the flags, and the length of the table.
const LARGEST_TABLE = FRAME_MAX - 8 - 14 - 4

/** The connection of a memory channel: it owns what is exclusive, and ends where a refusal is not the channel's alone. */
export interface ChannelConnection {
  destroy(error: Error): void
}

/** A channel within the process: each call goes to the routing engine at once. */
export class MemoryChannel implements Channel, ChannelClient, SettlingChannel {
  /** Deliveries are handed over in turns of the event loop of their own, as they would come off a socket. */
  readonly ready = true
  readonly closed: Promise<CloseReason>
  readonly #closed = deferred<CloseReason>()
  readonly #vhost: VirtualHost
  readonly #connection: ChannelConnection
  readonly #engine: ServerChannel
  readonly #consumers = new Map<string, ConsumerCallbacks>()
  readonly #unsettled = new Set<number>()
  #over: TwqError | undefined
  #publishing:
    | { readonly outcome: Deferred<'confirmed' | 'returned'>; readonly route: Route; returned: boolean }
    | undefined

  constructor(vhost: VirtualHost, connection: ChannelConnection) {
    this.#vhost = vhost
    this.#connection = connection
    this.#engine = new ServerChannel(vhost, connection, this)
    this.#engine.confirmSelect()
    this.closed = this.#closed.promise
  }

  get isOpen(): boolean {
    return this.#over === undefined
  }

  get idle(): boolean {
    return this.#unsettled.size === 0 && !this.#engine.hasConsumers
  }

  async ping(): Promise<void> {
    this.#ask(() => {})
  }

  async declareExchange(spec: ExchangeSpec): Promise<void> {
    const { autoDelete = false } = spec
    this.#ask(() =>
      this.#vhost.declareExchange({
        ...spec,
        autoDelete,
        internal: false,
        arguments: onTheWire(spec.arguments).fields,
      }),
    )
  }

  async declareQueue(spec: QueueSpec): Promise<QueueStatus> {
    const { autoDelete = false, exclusive = false } = spec
    return this.#ask(() =>
      statusOf(
        this.#engine.declareQueue({ ...spec, autoDelete, exclusive, arguments: onTheWire(spec.arguments).fields }),
      ),
    )
  }

  async inspectQueue(name: string): Promise<QueueStatus> {
    return this.#ask(() => statusOf(this.#engine.inspectQueue(name)))
  }

  async bind(queue: string, exchange: string, routingKey: string, args: Record<string, unknown> = {}): Promise<void> {
    const destination = { kind: 'queue' as const, name: queue }
    const request = { source: exchange, destination, routingKey, arguments: onTheWire(args).fields }
    this.#ask(() => this.#vhost.bind(request, this.#connection))
  }

  async bindExchange(destination: string, source: string, routingKey: string): Promise<void> {
    const request = { source, destination: { kind: 'exchange' as const, name: destination }, routingKey, arguments: {} }
    this.#ask(() => this.#vhost.bind(request, this.#connection))
  }

  async deleteQueue(name: string, only: { ifUnused?: boolean; ifEmpty?: boolean } = {}): Promise<number> {
    const { ifUnused = false, ifEmpty = false } = only
    return this.#ask(() => this.#vhost.deleteQueue(name, this.#connection, { ifUnused, ifEmpty }))
  }

  async purgeQueue(name: string): Promise<number> {
    return this.#ask(() => this.#engine.purge(name))
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const taken = this.#ask(() => this.#engine.get(queue, { noAck: false }))
    if (taken === undefined) return undefined
    this.#unsettled.add(taken.handout.deliveryTag)
    return new MemoryDelivery(taken.handout, this)
  }

  async prefetch(count: number, scope: 'channel' | 'consumer'): Promise<void> {
    this.#ask(() => this.#engine.qos(count, scope))
  }

  async consume(
    queue: string,
    onDelivery: (delivery: Delivery) => void,
    options: {
      noAck?: boolean
      exclusive?: boolean
      priority?: number
      onCancelled?: (ended: EndedConsumer) => void
    } = {},
  ): Promise<Subscription> {
    const { noAck = false, exclusive = false, priority, onCancelled } = options
    const consumerTag = `memory.${randomUUID()}`
    const args: Headers = priority === undefined ? {} : { 'x-priority': priority }
    this.#ask(() => {
      const consumer = this.#engine.consume({ queue, consumerTag, noAck, exclusive, arguments: args })
      this.#consumers.set(consumerTag, { noAck, onDelivery, onCancelled, source: { disowned: false } })
      consumer.start()
    })
    const cancel = async (): Promise<void> => this.#ask(() => this.#engine.cancel(consumerTag))
    // Nothing is ever in flight that a cancel would return.
    return { consumerTag, room: 0, cancel, cancelExhausted: () => cancel().then(() => true) }
  }

  async publish(
    { exchange, routingKey }: Route,
    message: WireMessage,
    options: { readonly mandatory?: boolean } = {},
  ): Promise<'confirmed' | 'returned'> {
    if (this.#over !== undefined) throw this.#over
    const headers =
      message.rawHeaders === undefined ? onTheWire(message.headers).bytes : Buffer.from(message.rawHeaders)
    if (headers.length > LARGEST_TABLE) {
      throw new TwqError('TWQ_UNSERIALISABLE', `the headers take more than the ${LARGEST_TABLE} bytes that fit`)
    }
    const body = Buffer.from(message.body)
    const outcome = deferred<'confirmed' | 'returned'>()
    this.#publishing = { outcome, route: { exchange, routingKey }, returned: false }
    this.#ask(() =>
      this.#engine.publish(createMessage({ exchange, routingKey, properties: message.properties, headers, body }), {
        mandatory: options.mandatory === true,
      }),
    )
    return outcome.promise
  }

  post(route: Route, message: WireMessage, options: { readonly mandatory: boolean }, listener: PublishListener): void {
    this.publish(route, message, options).then(
      (outcome) => listener.confirmed(outcome),
      (error) => listener.refused(error),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end(new TwqError('TWQ_CHANNEL_CLOSED', 'the channel was closed on this side'), { kind: 'requested' })
  }

  /** For the connection: the channel is over. */
  end(error: TwqError, reason: CloseReason): void {
    if (this.#over !== undefined) return
    this.#over = error
    this.#engine.close()
    this.#closed.resolve(reason)
  }

  settle(tag: number, settle: (engine: ServerChannel) => void): boolean {
    if (this.#over !== undefined || !this.#unsettled.delete(tag)) return false
    settle(this.#engine)
    return true
  }

  deliver(consumerTag: string, handout: Handout): void {
    const { noAck = false } = this.#consumers.get(consumerTag) ?? {}
    if (!noAck) this.#unsettled.add(handout.deliveryTag)
    this.#later(() => {
      const consumer = this.#consumers.get(consumerTag)
      consumer?.onDelivery(new MemoryDelivery(handout, this, consumer.source))
    })
  }

  consumerCancelled(consumerTag: string): void {
    this.#later(() => {
      const { onCancelled, source } = this.#consumers.get(consumerTag) ?? {}
      onCancelled?.({
        disown: () => {
          if (source !== undefined) source.disowned = true
        },
      })
    })
  }

  returned(): void {
    if (this.#publishing !== undefined) this.#publishing.returned = true
  }

  confirmed(_publishTag: number, taken: boolean): void {
    if (this.#publishing === undefined) return
    const { outcome, route, returned } = this.#publishing
    this.#publishing = undefined
    if (taken) outcome.resolve(returned ? 'returned' : 'confirmed')
    else {
      const what = `the broker refused a message with routing key "${route.routingKey}"`
      outcome.reject(
        new TwqError('TWQ_PUBLISH_REFUSED', what, { hint: 'A queue with overflow reject-publish is full.' }),
      )
    }
  }

  #ask<T>(request: () => T): T {
    if (this.#over !== undefined) throw this.#over
    try {
      return request()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const failure = error.endsChannelOnly
        ? refusalFailure({ code: error.code, text: error.message }, asAmqplibSays(error))
        : connectionFailure(new Error(`${error.code} ${error.message}`), WHERE)
      if (error.endsChannelOnly) this.end(failure, { kind: 'lost', error: failure })
      else this.#connection.destroy(failure)
      throw failure
    }
  }

  #later(run: () => void): void {
    setImmediate(() => {
      if (this.#over !== undefined) return
      try {
        run()
      } catch (error) {
        process.emitWarning(error instanceof Error ? error : new Error(messageOf(error)))
      }
    })
  }
}

interface ConsumerCallbacks {
  readonly noAck: boolean
  readonly onDelivery: (delivery: Delivery) => void
  readonly onCancelled: ((ended: EndedConsumer) => void) | undefined
  readonly source: { disowned: boolean }
}

/** The form of a refusal that `broker/failures.ts` reads: more than its code. */
function asAmqplibSays(refusal: Refusal): Error {
  const [name] = refusal.message.split(' ', 1)
  return new Error(`${refusal.code} (${name}) with message "${refusal.message}"`, { cause: refusal })
}

/** A table as it is after it was written and read again; throws `TWQ_UNSERIALISABLE` where the wire would. */
function onTheWire(table: Readonly<Record<string, unknown>> = {}): { fields: Headers; bytes: Uint8Array } {
  const space = Buffer.allocUnsafe(FRAME_MAX)
  const bytes = Buffer.from(space.subarray(4, encodeFieldTable(space, table, 0)))
  return { fields: decodeFieldTable(bytes).fields, bytes }
}

function statusOf({ name, ready, consumers }: Queue): QueueStatus {
  return { name, messages: ready, consumers }
}
