import { TwqError } from '../../errors.ts'
import type { Route, WireMessage } from '../../protocol/wire.ts'
import { deferred } from '../../runtime/time/deferred.ts'
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
import { Answers } from './answers.ts'
import { type ChannelOwner, CLOSE_TIMEOUT } from './channel-owner.ts'
import { ConfirmedPublishes } from './confirmed-publishes.ts'
import { ConsumerCredit } from './consumer-credit.ts'
import { AmqpDelivery, receivedByGet } from './delivery.ts'
import type { FrameReceiver } from './frame-reader.ts'
import { privateAmqplib, type RawChannel } from './private-amqplib.ts'
import type { ReceivedMessage } from './received-message.ts'
import { Receivers } from './receivers.ts'
import { unsendable } from './unsendable.ts'

/** `Channel` over amqplib's confirm channel. */
export class AmqpChannel implements Channel, FrameReceiver {
  readonly closed: Promise<CloseReason>
  readonly #raw: RawChannel
  readonly #owner: ChannelOwner
  readonly #answers: Answers
  readonly #publishes: ConfirmedPublishes
  readonly #receivers = new Receivers()
  /** Rejects each `get` that waits: amqplib forgets one whose message has begun to arrive. */
  readonly #gets = new Set<(reason: TwqError) => void>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #failure: TwqError | undefined
  /** The limit of the consumers that start from now on. */
  #consumerLimit = 0

  /** Attaches every listener at once: an `error` without one would end the process. */
  constructor(raw: RawChannel, owner: ChannelOwner) {
    this.#raw = raw
    this.#owner = owner
    raw.dispatchMessage = ({ consumerTag }) => this.#consumerEnded(consumerTag)
    raw.on('error', (error) => {
      this.#failure ??= channelFailure(error)
    })
    this.#answers = new Answers(raw, owner.writer)
    this.#publishes = new ConfirmedPublishes(raw, owner.writer, (error) => owner.onCallbackError(error))
    this.closed = new Promise((resolve) => {
      raw.on('close', () => {
        const requested = this.#state === 'closing' && this.#failure === undefined
        this.#state = 'closed'
        this.#answers.lost()
        // When the connection ends, amqplib closes its channels first: the reason is known at the end of this turn.
        queueMicrotask(() => {
          const reason: CloseReason =
            requested && this.#owner.failure === undefined
              ? { kind: 'requested' }
              : { kind: 'lost', error: this.#reason() }
          this.#publishes.rejectAll(this.#reason())
          for (const reject of this.#gets) reject(this.#reason())
          resolve(reason)
        })
      })
    })
  }

  delivered(message: ReceivedMessage): void {
    // As amqplib: a channel that is being closed ignores all frames but the answer to the close.
    if (this.#state !== 'open') return
    const receive = this.#raw.consumers.get(message.consumerTag)
    if (receive !== undefined) receive(message)
    // Without an answer it would stay unacknowledged while the broker still delivers to a consumer that is gone here.
    else this.#answers.refuse(message.deliveryTag, true)
  }

  confirmed(deliveryTag: number, multiple: boolean): void {
    if (this.#state === 'open') this.#publishes.confirmed(deliveryTag, multiple)
  }

  get isOpen(): boolean {
    return this.#state === 'open'
  }

  get idle(): boolean {
    return this.#answers.unsettled === 0 && this.#raw.consumers.size === 0
  }

  async ping(): Promise<void> {
    this.#answers.releaseAll()
    await this.#await()
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
    this.#answers.releaseAll()
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
    if (scope === 'consumer') this.#consumerLimit = count
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
    const credit = new ConsumerCredit(this.#consumerLimit)
    let isStarted = false
    let endedEarly = false
    const receive = (message: ReceivedMessage | null): void => {
      try {
        if (message !== null) {
          if (!noAck) this.#answers.delivered(message.deliveryTag, credit)
          onDelivery(new AmqpDelivery(message, this.#answers, credit))
        } else if (isStarted) {
          onCancelled?.({ disown: () => credit.disown() })
        } else {
          endedEarly = true
        }
      } catch (error) {
        this.#owner.onCallbackError(error)
      }
    }
    const { consumerTag } = await this.#ask(() =>
      this.#raw.consume(queue, receive, { noAck, exclusive, ...(priority === undefined ? {} : { priority }) }),
    )
    isStarted = true
    // The end may come together with the confirm: the caller has to have the consumer before it hears of the end.
    if (endedEarly) setImmediate(() => this.#state === 'open' && receive(null))
    else this.#receivers.add(consumerTag, receive, credit)
    return {
      consumerTag,
      get room() {
        return credit.room
      },
      cancel: () => this.#cancel(consumerTag),
      cancelExhausted: (signal) => this.#cancelExhausted(consumerTag, credit, signal),
    }
  }

  async #cancelExhausted(consumerTag: string, credit: ConsumerCredit, signal: AbortSignal): Promise<boolean> {
    if (this.#state !== 'open' || signal.aborted) return false
    const release = (): void => this.#answers.release(credit)
    signal.addEventListener('abort', release, { once: true })
    try {
      await this.#answers.withhold(credit)
      // The cancel has to be written before the answers that were held back, so no other request may be waiting.
      while (credit.exhausted && this.#raw.reply !== null) await this.#await()
      if (!credit.exhausted) return false
      const cancelled = this.#cancel(consumerTag)
      release()
      await cancelled
      return true
    } finally {
      release()
      signal.removeEventListener('abort', release)
    }
  }

  async #cancel(consumerTag: string): Promise<void> {
    await this.#ask(() => this.#raw.cancel(consumerTag))
    this.#receivers.cancelled(consumerTag)
  }

  /**
   * After a consumer timeout, RabbitMQ 4.3 cancels a consumer of a quorum queue, but goes on delivering to it and then cancels it
   * again; it expects no answer unless it asks for one. Every version accepts a cancel from our side, even for a consumer that is gone.
   */
  #consumerEnded(consumerTag: string): void {
    const receive = this.#receivers.take(consumerTag) ?? this.#raw.consumers.get(consumerTag)
    if (receive === undefined) return
    if (this.#state === 'open') this.#raw.cancel(consumerTag).catch(() => {})
    receive(null)
  }

  async get(queue: string): Promise<Delivery | undefined> {
    const lost = deferred<never>()
    this.#gets.add(lost.reject)
    const asked = () => Promise.race([this.#raw.get(queue, { noAck: false }), lost.promise])
    const message = await this.#ask(asked).finally(() => this.#gets.delete(lost.reject))
    if (message === false) return undefined
    this.#answers.delivered(message.fields.deliveryTag)
    return new AmqpDelivery(receivedByGet(message), this.#answers)
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
      this.#answers.close()
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

  /** Resolves when the broker answers. */
  async #await(): Promise<void> {
    const { methods } = privateAmqplib()
    // Asked for a second time, confirms stay as they are.
    await this.#ask(() => this.#raw.rpc(methods.ConfirmSelect, { nowait: false }, methods.ConfirmSelectOk))
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

function statusOf(reply: { queue: string; messageCount: number; consumerCount: number }): QueueStatus {
  return { name: reply.queue, messages: reply.messageCount, consumers: reply.consumerCount }
}
