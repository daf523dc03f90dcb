/** The kinds of exchange that tasks are sent through. */
export type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers'

/** The values of a queue's arguments. */
export type QueueArgument = string | number | boolean

/** The exchange that a task queue is bound to. */
export interface TaskExchange {
  readonly name: string
  readonly type: ExchangeType
  readonly durable: boolean
  readonly autoDelete: boolean
}

/** A queue for tasks as it is declared, bound and consumed: kombu's `Queue` with its `Exchange`, with every setting resolved. */
export interface TaskQueue {
  readonly name: string
  readonly durable: boolean
  readonly autoDelete: boolean
  /** By RabbitMQ's names, `x-max-priority` and so on. */
  readonly arguments: Readonly<Record<string, QueueArgument>>
  readonly exchange: TaskExchange
  /** The key it is bound with; in a topic exchange, a pattern. */
  readonly routingKey: string
  /** Of a headers exchange. */
  readonly bindingArguments: Readonly<Record<string, QueueArgument>>
  /** Consumers with a higher one are served first. */
  readonly consumerPriority: number | undefined
  /**
   * The settings given in the configuration, by RabbitMQ's names (`durable`, `x-max-priority`; for the exchange `exchange.type`
   * and so on): the broker must have the same. For all others the broker's value is accepted.
   */
  readonly stated: readonly string[]
}

/** The queue that a bare name means (wire specification 1.2): durable, bound to a direct exchange of its name. */
export function plainQueue(name: string): TaskQueue {
  return {
    name,
    durable: true,
    autoDelete: false,
    arguments: {},
    exchange: { name, type: 'direct', durable: true, autoDelete: false },
    routingKey: name,
    bindingArguments: {},
    consumerPriority: undefined,
    stated: [],
  }
}

/** True for a queue declared as a quorum queue. */
export function isQuorum(queue: TaskQueue): boolean {
  return queue.arguments['x-queue-type'] === 'quorum'
}

/** True for a queue declared to serve one consumer at a time, in order. */
export function hasSingleActiveConsumer(queue: TaskQueue): boolean {
  return queue.arguments['x-single-active-consumer'] === true
}

/** The highest priority of messages in it; undefined if it supports none. */
export function maxPriorityOf(queue: TaskQueue): number | undefined {
  const highest = queue.arguments['x-max-priority']
  return typeof highest === 'number' ? highest : undefined
}
