import type { Message } from 'amqplib'
import { messageOf, TwqError } from '../../errors.ts'
import type { Route, WireMessage } from '../../protocol/wire.ts'
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
import { channelFailure, readRefusal } from '../failures.ts'
import { Acknowledgements } from './acknowledgements.ts'
import { type ChannelOwner, CLOSE_TIMEOUT } from './channel-owner.ts'
import { ConfirmedPublishes } from './confirmed-publishes.ts'
import { AmqpDelivery, receivedByGet, type SettlingChannel } from './delivery.ts'
import type { FrameReceiver } from './frame-reader.ts'
import { privateAmqplib, type RawChannel } from './private-amqplib.ts'
import type { ReceivedMessage } from './received-message.ts'

/** amqplib's confirm channel behind our seam. */
export class AmqpChannel implements Channel, SettlingChannel, FrameReceiver {
  readonly closed: Promise<CloseReason>
  readonly #raw: RawChannel
  readonly #owner: ChannelOwner
  readonly #acknowledgements = new Acknowledgements()
  readonly #publishes: ConfirmedPublishes
  /** The consumers that the broker has not ended, cancelled ones included: it may still take back what it delivered to them. */
  readonly #receivers = new Map<string, (message: null) => void>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #failure: TwqError | undefined
  #flushScheduled = false

  /** Attaches every listener at once: an `error` without one would end the process. */
  constructor(raw: RawChannel, owner: ChannelOwner) {
    this.#raw = raw
    this.#owner = owner
    raw.dispatchMessage = ({ consumerTag }) => this.#consumerEnded(consumerTag)
    raw.on('error', (error) => {
      this.#failure ??= channelFailure(error)
    })
    this.#publishes = new ConfirmedPublishes(raw, owner.writer, (error) => owner.onCallbackError(error))
    this.closed = new Promise((resolve) => {
      raw.on('close', () => {
        const requested = this.#state === 'closing' && this.#failure === undefined
        this.#state = 'closed'
        // When the whole connection goes, its channels hear of it first: by the end of this turn the reason is known.
        queueMicrotask(() => {
          const reason: CloseReason =
            requested && this.#owner.failure === undefined
              ? { kind: 'requested' }
              : { kind: 'lost', error: this.#reason() }
          this.#publishes.rejectAll(this.#reason())
          resolve(reason)
        })
      })
    })
  }

  delivered(message: ReceivedMessage): void {
    // As amqplib: a channel that is being closed ignores all but the answer.
    if (this.#state !== 'open') return
    const receive = this.#raw.consumers.get(message.consumerTag)
    if (receive !== undefined) receive(message)
    // It would be delivered for ever where the broker does not know yet that there is no consumer any more.
    else this.#write(() => this.#raw.nack(tagged(message.deliveryTag), false, true))
  }

  confirmed(deliveryTag: number, multiple: boolean): void {
    if (this.#state === 'open') this.#publishes.confirmed(deliveryTag, multiple)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get unsettled(): number {
    return this.#acknowledgements.unsettled
  }

  async ping(): Promise<void> {
    const { methods } = privateAmqplib()
    // Asked for a second time, confirms stay as they are.
    await this.#ask(() => this.#raw.rpc(methods.ConfirmSelect, { nowait: false }, methods.ConfirmSelectOk))
  }

  async declareExchange(exchange: ExchangeSpec): Promise<void> {
    const { name, type, durable, autoDelete = false, arguments: args = {} } = exchange
    await this.#ask(() => this.#raw.assertExchange(name, type, { durable, autoDelete, arguments: args }))
  }

  async declareQueue(queue: QueueSpec): Promise<QueueStatus> {
    const { name, durable, autoDelete = false, exclusive = false, arguments: args = {} } = queue
    return statusOf(
      await this.#ask(() => this.#raw.assertQueue(name, { durable, autoDelete, exclusive, arguments: args })),
    )
  }

  async inspectQueue(name: string): Promise<QueueStatus> {
    return statusOf(await this.#ask(() => this.#raw.checkQueue(name)))
  }

  async bind(
    queue: string,
    exchange: string,
    routingKey: string,
    args: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.#ask(() => this.#raw.bindQueue(queue, exchange, routingKey, args))
  }

  async bindExchange(destination: string, source: string, routingKey: string): Promise<void> {
    await this.#ask(() => this.#raw.bindExchange(destination, source, routingKey))
  }

  async deleteQueue(name: string, only: { ifUnused?: boolean; ifEmpty?: boolean } = {}): Promise<number> {
    return (await this.#ask(() => this.#raw.deleteQueue(name, only))).messageCount
  }

  async purgeQueue(name: string): Promise<number> {
    return (await this.#ask(() => this.#raw.purgeQueue(name))).messageCount
  }

  async prefetch(count: number, scope: 'channel' | 'consumer'): Promise<void> {
    await this.#ask(() => this.#raw.prefetch(count, scope === 'channel'))
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
    const source = { disowned: false }
    const receive = (message: ReceivedMessage | null): void => {
      try {
        if (message === null) {
          onCancelled?.({
            disown: () => {
              source.disowned = true
            },
          })
        } else {
          if (!noAck) this.#acknowledgements.delivered(message.deliveryTag)
          onDelivery(new AmqpDelivery(message, this, source))
        }
      } catch (error) {
        this.#owner.onCallbackError(error)
      }
    }
    const { consumerTag } = await this.#ask(() =>
      this.#raw.consume(queue, receive, { noAck, exclusive, ...(priority === undefined ? {} : { priority }) }),
    )
    this.#receivers.set(consumerTag, receive)
    return {
      consumerTag,
      cancel: async () => {
        await this.#ask(() => this.#raw.cancel(consumerTag))
      },
    }
  }

  /**
   * RabbitMQ 4.3 goes on delivering to a consumer of a quorum queue that it has told of its end, at the consumer timeout,
   * and tells it once more; and it expects no answer, unless it says so. Ending the consumer ourselves is understood by
   * every version, also where there is none any more.
   */
  #consumerEnded(consumerTag: string): void {
    const receive = this.#receivers.get(consumerTag) ?? this.#raw.consumers.get(consumerTag)
    this.#receivers.delete(consumerTag)
    if (receive === undefined) return
    if (this.#state === 'open') this.#raw.cancel(consumerTag).catch(() => {})
    receive(null)
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const message = await this.#ask(() => this.#raw.get(queue, { noAck: false }))
    if (message === false) return undefined
    this.#acknowledgements.delivered(message.fields.deliveryTag)
    return new AmqpDelivery(receivedByGet(message), this)
  }

  publish(
    route: Route,
    message: WireMessage,
    { mandatory = false }: { readonly mandatory?: boolean } = {},
  ): Promise<'confirmed' | 'returned'> {
    return new Promise((confirmed, refused) => this.post(route, message, { mandatory }, { confirmed, refused }))
  }

  post(
    route: Route,
    message: WireMessage,
    { mandatory }: { readonly mandatory: boolean },
    listener: PublishListener,
  ): void {
    if (this.#state !== 'open') {
      queueMicrotask(() => listener.refused(this.#reason()))
      return
    }
    try {
      this.#publishes.publish(route, message, mandatory, listener)
    } catch (error) {
      const refusal = this.#state === 'open' ? unsendable('message', error) : this.#reason()
      queueMicrotask(() => listener.refused(refusal))
    }
  }

  /** Writes the collected acknowledgements and closes; waits a few seconds at most for a peer that does not answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === 'open') {
      this.#flush()
      this.#state = 'closing'
      // Never answered when the connection goes down meanwhile; `closed` resolves in every case.
      this.#raw.close().catch(() => {})
    }
    if (this.#owner.blocked !== undefined) return
    let impatience: NodeJS.Timeout | undefined
    const impatient = new Promise<void>((resolve) => {
      impatience = setTimeout(resolve, CLOSE_TIMEOUT).unref()
    })
    await Promise.race([this.closed, impatient])
    clearTimeout(impatience)
  }

  ack(tag: number): boolean {
    if (this.#state !== 'open' || !this.#acknowledgements.ack(tag)) return false
    if (!this.#flushScheduled) {
      this.#flushScheduled = true
      this.#owner.writer.beforeFlush(this.#flushCollected)
    }
    return true
  }

  nack(tag: number, requeue: boolean): boolean {
    if (this.#state !== 'open' || !this.#acknowledgements.nack(tag)) return false
    return this.#write(() => this.#raw.nack(tagged(tag), false, requeue))
  }

  readonly #flushCollected = (): void => {
    this.#flushScheduled = false
    this.#flush()
  }

  #flush(): void {
    if (this.#state !== 'open') return
    this.#acknowledgements.flush((tag, multiple) => this.#owner.writer.ack(this.#raw.ch, tag, multiple))
  }

  #write(write: () => void): boolean {
    try {
      write()
      return true
    } catch {
      // The connection is closing: amqplib refuses to send, and the broker takes the message back.
      return false
    }
  }

  async #ask<T>(request: () => Promise<T>): Promise<T> {
    if (this.#state !== 'open') throw this.#reason()
    try {
      return await request()
    } catch (error) {
      if (readRefusal(error) !== undefined) throw channelFailure(error)
      // Still open: amqplib refused to encode the request.
      throw this.#state === 'open' && this.#failure === undefined ? unsendable('request', error) : this.#reason()
    }
  }

  #reason(): TwqError {
    return (
      this.#failure ?? this.#owner.failure ?? new TwqError('TWQ_CHANNEL_CLOSED', 'the channel was closed on this side')
    )
  }
}

// Both are encoded before anything is written, so what is refused has not been sent in part.
function unsendable(what: 'message' | 'request', error: unknown): TwqError {
  if (TwqError.is(error)) return error
  const code = what === 'message' ? 'TWQ_UNSERIALISABLE' : 'TWQ_USAGE'
  return new TwqError(code, `the ${what} can't be sent: ${messageOf(error)}`, { cause: error })
}

function statusOf(reply: { queue: string; messageCount: number; consumerCount: number }): QueueStatus {
  return { name: reply.queue, messages: reply.messageCount, consumers: reply.consumerCount }
}

// amqplib takes a whole message to reject, and reads one field of it.
function tagged(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
