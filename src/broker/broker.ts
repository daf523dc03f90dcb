import type { Route, WireMessage } from '../protocol/wire.ts'

/** The interface to AMQP: a broker that one can connect to. */
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
  /** The host and port that were reached. */
  readonly address?: string
  /** The name of the cluster; RabbitMQ does not tell the name of the node. */
  readonly cluster?: string
  /** Set only by twq's built-in broker: the folder of the `twq dev` that runs it, or '' when `twq broker` runs it. */
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
  /** Calls `listener` each time the broker blocks (a reason) or unblocks (undefined) this connection; returns a function that removes it. */
  onBlocked(listener: (reason: string | undefined) => void): () => void
  /** Opens a channel; rejects when the broker allows no more of them, or the connection is over. */
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
  /** Resolves when the broker answers a request that concerns no queue; the deliveries sent before the answer have arrived by then. */
  ping(): Promise<void>
  /** Declares an exchange. Rejects when there is one of that name with other properties, which closes the channel. */
  declareExchange(exchange: ExchangeSpec): Promise<void>
  /** Declares a queue, and resolves with its status. Rejects as `declareExchange` does. */
  declareQueue(queue: QueueSpec): Promise<QueueStatus>
  /** A passive declare: asks without creating. Rejects with `TWQ_QUEUE_MISSING`, which closes the channel. */
  inspectQueue(name: string): Promise<QueueStatus>
  /** Binds a queue to an exchange by a routing key (queue.bind). */
  bind(queue: string, exchange: string, routingKey: string, args?: Readonly<Record<string, unknown>>): Promise<void>
  /** Binds the exchange `destination` to the exchange `source` by a routing key (RabbitMQ's exchange.bind). */
  bindExchange(destination: string, source: string, routingKey: string): Promise<void>
  /** Deletes a queue; resolves with the number of messages in it. If a condition does not hold it rejects, which closes the channel. */
  deleteQueue(name: string, only?: { readonly ifUnused?: boolean; readonly ifEmpty?: boolean }): Promise<number>
  /** Drops the messages that are ready for delivery; resolves with their number. */
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
      /** Called once when the broker ends the consumer, for instance because its queue was deleted; never before `consume` resolves. */
      readonly onCancelled?: (ended: EndedConsumer) => void
    },
  ): Promise<Subscription>
  /** Takes the next message, if one is ready. Not to be used together with a consumer on the same channel. */
  get(queue: string): Promise<Delivery | undefined>
  /** Resolves on the broker's confirm: `returned` when a mandatory message reached no queue. */
  publish(
    route: Route,
    message: WireMessage,
    options?: { readonly mandatory?: boolean },
  ): Promise<'confirmed' | 'returned'>
  /** `publish` without a promise, for many messages: calls `listener` once, and never before it returns. */
  post(route: Route, message: WireMessage, options: { readonly mandatory: boolean }, listener: PublishListener): void
}

/** Gets the outcome of one publish. Neither method may throw. */
export interface PublishListener {
  /** The broker has the message, or has returned it because no queue takes it. */
  confirmed(outcome: 'confirmed' | 'returned'): void
  /** Refused, or lost with its channel before an answer: the error that `publish` rejects with. */
  refused(error: Error): void
}

/** A consumer that the broker has ended, and what it delivered. */
export interface EndedConsumer {
  /**
   * Treats its unsettled deliveries as taken back by the broker, which the client can't see by itself: they are no longer
   * `alive`, and their answers are still sent but count as not given.
   */
  disown(): void
}

/** A running consumer. */
export interface Subscription {
  readonly consumerTag: string
  /** How many more messages the broker may send it, by its own limit; Infinity where it has none. */
  readonly room: number
  /** Stops deliveries; resolves once the broker has confirmed that. Unacknowledged deliveries stay unacknowledged. */
  cancel(): Promise<void>
  /**
   * Ends the consumer as soon as there is no room: nothing is on its way to it then, which a quorum queue would take back and deliver as
   * redelivered. Until then, or until `signal` aborts, answers to its deliveries are held back. False, and it goes on, where there still is
   * room, or the broker was asked before whether it has carried out the answers (`ping`, `inspectQueue`). Rejects as `cancel` does.
   */
  cancelExhausted(signal: AbortSignal): Promise<boolean>
}

/** One delivered message, bound to the channel that delivered it. */
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
  /** Returns it to its queue, or drops it (`requeue: false`); false, and nothing is sent, when the channel is gone. */
  nack(options: { readonly requeue: boolean }): boolean
}
