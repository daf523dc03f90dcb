import type { Route, WireMessage } from '../protocol/wire.ts'

/** The seam to AMQP: something that can be connected to. */
export interface Broker {
  /** Opens one connection; rejects with a `TWQ_BROKER_*` error. */
  connect(options?: { readonly name?: string; readonly signal?: AbortSignal }): Promise<Connection>
}

/** The server's properties, from the opening handshake. */
export interface ServerInfo {
  readonly product: string
  readonly version: string
  /** Seconds; the negotiated heartbeat. */
  readonly heartbeat: number
  readonly frameMax: number
  /** Host and port that were reached. */
  readonly address?: string
  /** The name of the cluster; RabbitMQ does not tell that of the node. */
  readonly cluster?: string
  /** Where it is twq's own built-in broker: the folder of the `twq dev` that runs it; '' for one that `twq broker` runs. */
  readonly builtInFor?: string
}

/** Why a connection or a channel ended. */
export type CloseReason = { readonly kind: 'requested' } | { readonly kind: 'lost'; readonly error: Error }

/** One connection. */
export interface Connection extends AsyncDisposable {
  readonly server: ServerInfo
  /** Resolves, never rejects, when the connection is over for any reason. */
  readonly closed: Promise<CloseReason>
  /** The broker's reason while it takes no publishes from this connection. */
  readonly blocked: string | undefined
  /** Told each time the broker blocks (a reason) or unblocks (undefined) this connection; returns how to stop listening. */
  onBlocked(listener: (reason: string | undefined) => void): () => void
  /** Opens one more channel; rejects where the broker allows no more, or the connection is over. */
  openChannel(): Promise<Channel>
  /** Ends the connection without waiting for the other side: for a peer that no longer answers. */
  destroy(error: Error): void
}

/** An exchange to declare. */
export interface ExchangeSpec {
  readonly name: string
  readonly type: 'direct' | 'topic' | 'fanout' | 'headers'
  readonly durable: boolean
  readonly autoDelete?: boolean
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** A queue to declare. */
export interface QueueSpec {
  readonly name: string
  readonly durable: boolean
  readonly autoDelete?: boolean
  readonly exclusive?: boolean
  readonly arguments?: Readonly<Record<string, unknown>>
}

/** The name and the counts of a queue, from the reply to its declaration. */
export interface QueueStatus {
  readonly name: string
  /** Messages ready for delivery. */
  readonly messages: number
  readonly consumers: number
}

/**
 * One channel. The broker takes requests in the order they are made, also requests that are sent together without
 * awaiting each other; none is taken after one that it refuses. Every method rejects with a `TwqError` once the channel is closed;
 * none ever hangs on a lost connection.
 */
export interface Channel extends AsyncDisposable {
  /** Resolves, never rejects, when the channel is over for any reason. */
  readonly closed: Promise<CloseReason>
  readonly isOpen: boolean
  /** True when it has no consumer, and each of its deliveries is settled. */
  readonly idle: boolean
  /** Resolves when the broker answers a question about no queue: after the deliveries before it. */
  ping(): Promise<void>
  /** Declares an exchange. Rejects when there is one of that name with other properties, which closes the channel. */
  declareExchange(exchange: ExchangeSpec): Promise<void>
  /** Declares a queue, and resolves with what the broker says of it. Rejects as `declareExchange` does. */
  declareQueue(queue: QueueSpec): Promise<QueueStatus>
  /** A passive declare: asks without creating. Rejects with `TWQ_QUEUE_MISSING`, which closes the channel. */
  inspectQueue(name: string): Promise<QueueStatus>
  /** Has a queue get what is published to an exchange with such keys. */
  bind(queue: string, exchange: string, routingKey: string, args?: Readonly<Record<string, unknown>>): Promise<void>
  /** Has `destination` get what is published to the exchange `source` with such keys (RabbitMQ's exchange.bind). */
  bindExchange(destination: string, source: string, routingKey: string): Promise<void>
  /** Resolves with how many messages went with it. With a condition that does not hold it rejects, which closes the channel. */
  deleteQueue(name: string, only?: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean }): Promise<number>
  /** Drops what is ready for delivery; resolves with how many messages that were. */
  purgeQueue(name: string): Promise<number>
  /** `channel` shares the limit among the channel's consumers and can be changed while they run (AMQP's global flag). */
  prefetch(count: number, scope: 'channel' | 'consumer'): Promise<void>
  /** Starts a consumer; `onDelivery` gets each message. Resolves once the broker has it. */
  consume(
    queue: string,
    onDelivery: (delivery: Delivery) => void,
    options?: {
      readonly noAck?: boolean
      readonly exclusive?: boolean
      readonly priority?: number
      /** Told, once, when the broker itself ends the consumer (its queue was deleted, say). */
      readonly onCancelled?: (ended: EndedConsumer) => void
    },
  ): Promise<Subscription>
  /** The next message, if one is ready. Not beside a consumer on the same channel. */
  get(queue: string): Promise<Delivery | undefined>
  /** Resolves on the broker's confirm: `returned` when a mandatory message reached no queue. */
  publish(
    route: Route,
    message: WireMessage,
    options?: { readonly mandatory?: boolean },
  ): Promise<'confirmed' | 'returned'>
  /** The same for one who publishes much: no promise is made, and `listener` is told, once and never before it returns. */
  post(route: Route, message: WireMessage, options: { readonly mandatory: boolean }, listener: PublishListener): void
}

/** Hears what becomes of one publish. Neither may throw. */
export interface PublishListener {
  /** The broker has the message, or has returned it because no queue takes it. */
  confirmed(outcome: 'confirmed' | 'returned'): void
  /** Refused, or lost with its channel before an answer: the error that `publish` rejects with. */
  refused(error: Error): void
}

/** A consumer that the broker has ended, and what it delivered. */
export interface EndedConsumer {
  /**
   * Counts its deliveries that are not settled as taken back by the broker, which its client can not see: they are not
   * `alive` any more, and what they are answered with is sent, but not believed.
   */
  disown(): void
}

/** A running consumer. */
export interface Subscription {
  readonly consumerTag: string
  /** How many more messages the broker may send it, by its own limit; Infinity where it has none. */
  readonly room: number
  /** Stops deliveries; resolves once the broker agreed. Unacknowledged deliveries stay in hand. */
  cancel(): Promise<void>
  /**
   * Ends the consumer as soon as there is no room: nothing is on its way to it then, which a quorum queue would take back and deliver as
   * redelivered. Until then, or until `signal` aborts, answers to its deliveries are held back. False, and it goes on, where there still is
   * room, or the broker was asked before whether it has carried out the answers (`ping`, `inspectQueue`). Rejects as `cancel` does.
   */
  cancelExhausted(signal: AbortSignal): Promise<boolean>
}

/** One message in our hands, bound to the channel that delivered it. */
export interface Delivery extends WireMessage {
  readonly route: Route
  readonly redelivered: boolean
  readonly deliveryTag: number
  /** False once its channel is gone, or its consumer was disowned: the broker has taken the message back. */
  readonly alive: boolean
  /**
   * Acknowledges. Acks of one channel are collected for a turn of the event loop and written as few frames. False, and
   * nothing is sent, when the channel is gone.
   */
  ack(): boolean
  /** Gives it back, or drops it (`requeue: false`); false, and nothing is sent, when the channel is gone. */
  nack(options: { readonly requeue: boolean }): boolean
}
