import type { Headers } from '../../protocol/wire.ts'
import { costOf } from './budget.ts'
import type { Consumer } from './consumers.ts'
import type { Message } from './message.ts'
import type { Queue } from './queue.ts'
import { type QueueDeclaration, typeName } from './queue-settings.ts'
import { asEdited, raw, tableFields, writeFields } from './raw-table.ts'
import type { Entry } from './ready-messages.ts'
import { notAllowed, notFound, notImplemented, preconditionFailed } from './refusal.ts'
import type { VirtualHost } from './vhost.ts'

/** A message handed to a client. */
export interface Handout {
  readonly deliveryTag: number
  readonly redelivered: boolean
  readonly message: Message
}

/** The client's side of a channel: the calls that the broker makes by itself. None of these may throw. */
export interface ChannelClient {
  /** False while it should get no deliveries because it does not read them; call `resume` afterwards. */
  readonly ready: boolean
  deliver(consumerTag: string, handout: Handout): void
  /** A consumer ended because its queue was deleted. */
  consumerCancelled(consumerTag: string): void
  /** A mandatory message reached no queue. */
  returned(message: Message): void
  /** The publish of that number was taken, or refused by a full queue. Told only after `confirmSelect`. */
  confirmed(publishTag: number, taken: boolean): void
}

/** The fields of `basic.consume`. */
export interface ConsumeRequest {
  readonly queue: string
  /** Empty: the broker makes one up. */
  readonly consumerTag: string
  readonly noAck: boolean
  readonly exclusive: boolean
  readonly arguments: Headers
}

/** The broker's side of one channel: delivery tags, what is unacknowledged, limits, consumers and confirms. */
export class ServerChannel {
  readonly #vhost: VirtualHost
  readonly #owner: object
  readonly #client: ChannelClient
  readonly #consumers = new Map<string, ChannelConsumer>()
  /** By delivery tag, in the order of delivery. */
  readonly #unacked = new Map<number, Unacked>()
  #lastQueue: string | undefined
  #deliveryTag = 0
  #publishTag: number | undefined
  /** Limit of consumers started from now on; 0 is none. */
  #consumerPrefetch = 0
  /** Limit of all consumers together; 0 is none. */
  #sharedPrefetch = 0
  #sharedInHand = 0
  #consumersNamed = 0

  constructor(vhost: VirtualHost, owner: object, client: ChannelClient) {
    this.#vhost = vhost
    this.#owner = owner
    this.#client = client
  }

  get hasConsumers(): boolean {
    return this.#consumers.size > 0
  }

  declareQueue(declaration: QueueDeclaration): Queue {
    const queue = this.#vhost.declareQueue(declaration, this.#owner)
    this.#lastQueue = queue.name
    return queue
  }

  /** A passive declare. */
  inspectQueue(name: string): Queue {
    const queue = this.#vhost.queue(this.queueName(name), this.#owner)
    queue.touch()
    this.#lastQueue = queue.name
    return queue
  }

  /** AMQP lets the queue that a channel declared last go unnamed. */
  queueName(name: string): string {
    if (name !== '') return name
    if (this.#lastQueue === undefined) throw notFound('no previously declared queue')
    return this.#lastQueue
  }

  purge(name: string): number {
    return this.#vhost.queue(this.queueName(name), this.#owner).purge()
  }

  /** Publishes; a `mandatory` message that reaches no queue is returned before it is confirmed. */
  publish(message: Message, options: { readonly mandatory: boolean }): void {
    const { queues, accepted } = this.#vhost.publish(message)
    if (queues === 0 && options.mandatory) this.#client.returned(message)
    if (this.#publishTag !== undefined) this.#client.confirmed(++this.#publishTag, accepted)
  }

  /** From now on every publish is confirmed, numbered from 1. */
  confirmSelect(): void {
    this.#publishTag ??= 0
  }

  /** One message, if one is ready, and how many are left. */
  get(queueName: string, options: { readonly noAck: boolean }): { handout: Handout; left: number } | undefined {
    const queue = this.#vhost.queue(this.queueName(queueName), this.#owner)
    const entry = queue.take()
    if (entry === undefined) return undefined
    return { handout: this.#handOut(queue, entry, undefined, options.noAck), left: queue.ready }
  }

  /** Adds a consumer. Its deliveries begin when `start` is called, so that the client hears its tag first. */
  consume(request: ConsumeRequest): { readonly consumerTag: string; start(): void } {
    const queue = this.#vhost.queue(this.queueName(request.queue), this.#owner)
    const consumerTag = request.consumerTag === '' ? this.#newConsumerTag() : request.consumerTag
    if (this.#consumers.has(consumerTag)) throw notAllowed(`attempt to reuse consumer tag '${consumerTag}'`)
    if (queue.settings.type === 'quorum' && this.#sharedPrefetch > 0) {
      throw notImplemented(`${queue.title} does not support global qos`)
    }
    const { noAck, exclusive } = request
    const consumer: ChannelConsumer = {
      queue,
      exclusive,
      priority: priorityOf(request.arguments, queue.title),
      limit: noAck ? 0 : this.#consumerPrefetch,
      inHand: 0,
      hasRoom: () => this.#client.ready && (noAck || this.#hasRoom(consumer)),
      deliver: (entry) => this.#client.deliver(consumerTag, this.#handOut(queue, entry, consumer, noAck)),
      cancelled: () => {
        this.#forget(consumerTag)
        this.#client.consumerCancelled(consumerTag)
      },
    }
    const cost = costOf({ consumerTag })
    this.#vhost.budget.take(cost, `consumer '${consumerTag}'`)
    try {
      queue.addConsumer(consumer)
    } catch (error) {
      this.#vhost.budget.give(cost)
      throw error
    }
    this.#consumers.set(consumerTag, consumer)
    return { consumerTag, start: () => queue.serve() }
  }

  /** Ends a consumer; unknown tags are fine. What it has in hand stays unacknowledged. */
  cancel(consumerTag: string): void {
    const consumer = this.#consumers.get(consumerTag)
    if (consumer === undefined) return
    this.#forget(consumerTag)
    consumer.queue.removeConsumer(consumer)
  }

  /** Limits what may be unacknowledged: of all the channel's consumers together, or of each that starts from now on. */
  qos(count: number, scope: 'channel' | 'consumer'): void {
    if (scope === 'consumer') {
      this.#consumerPrefetch = count
      return
    }
    this.#sharedPrefetch = count
    this.resume()
  }

  ack(deliveryTag: number, multiple: boolean): void {
    this.#settle(this.#takeUnacked(deliveryTag, multiple), (queue, entries) => queue.acknowledge(entries))
  }

  nack(deliveryTag: number, options: { readonly multiple: boolean; readonly requeue: boolean }): void {
    this.#settle(this.#takeUnacked(deliveryTag, options.multiple), (queue, entries) =>
      options.requeue ? queue.requeue(entries) : queue.reject(entries),
    )
  }

  /** Returns all unacknowledged messages to their queues; this channel's consumers may get them again. */
  recover(): void {
    this.#settle(this.#takeUnacked(0, true), (queue, entries) => queue.requeue(entries))
  }

  /** Serves the consumers again after the client became ready. */
  resume(): void {
    for (const queue of new Set([...this.#consumers.values()].map((consumer) => consumer.queue))) queue.serve()
  }

  /** The channel is over: its consumers leave, and what they had goes back. */
  close(): void {
    for (const tag of [...this.#consumers.keys()]) this.cancel(tag)
    this.recover()
  }

  #handOut(queue: Queue, entry: Entry, consumer: ChannelConsumer | undefined, noAck: boolean): Handout {
    const deliveryTag = ++this.#deliveryTag
    if (noAck) {
      queue.acknowledge([entry])
    } else {
      this.#unacked.set(deliveryTag, { queue, entry, consumer })
      if (consumer !== undefined) {
        consumer.inHand++
        this.#sharedInHand++
      }
    }
    const counted = queue.settings.type === 'quorum' && entry.returns > 0
    const message = counted ? withDeliveryCount(entry.message, entry.returns) : entry.message
    return { deliveryTag, redelivered: entry.returns > 0, message }
  }

  #hasRoom(consumer: ChannelConsumer): boolean {
    const { limit, inHand } = consumer
    const shared = this.#sharedPrefetch === 0 || this.#sharedInHand < this.#sharedPrefetch
    return shared && (limit === 0 || inHand < limit)
  }

  #takeUnacked(deliveryTag: number, multiple: boolean): Unacked[] {
    const tags: number[] = []
    if (multiple && deliveryTag === 0) {
      tags.push(...this.#unacked.keys())
    } else {
      if (!this.#unacked.has(deliveryTag)) throw preconditionFailed(`unknown delivery tag ${deliveryTag}`)
      if (multiple) {
        for (const tag of this.#unacked.keys()) {
          if (tag > deliveryTag) break
          tags.push(tag)
        }
      } else {
        tags.push(deliveryTag)
      }
    }
    return tags.map((tag) => {
      const unacked = this.#unacked.get(tag) as Unacked
      this.#unacked.delete(tag)
      return unacked
    })
  }

  #settle(settled: readonly Unacked[], tell: (queue: Queue, entries: readonly Entry[]) => void): void {
    const byQueue = new Map<Queue, Entry[]>()
    for (const { queue, entry, consumer } of settled) {
      if (consumer !== undefined) {
        consumer.inHand--
        this.#sharedInHand--
      }
      const entries = byQueue.get(queue)
      if (entries === undefined) byQueue.set(queue, [entry])
      else entries.push(entry)
    }
    for (const [queue, entries] of byQueue) {
      tell(queue, entries)
      queue.serve()
    }
    if (this.#sharedPrefetch > 0) this.resume()
  }

  #forget(consumerTag: string): void {
    if (this.#consumers.delete(consumerTag)) this.#vhost.budget.give(costOf({ consumerTag }))
  }

  #newConsumerTag(): string {
    return `amq.ctag-${++this.#consumersNamed}`
  }
}

interface Unacked {
  readonly queue: Queue
  readonly entry: Entry
  /** Absent for what was fetched singly: limits do not count that. */
  readonly consumer: ChannelConsumer | undefined
}

interface ChannelConsumer extends Consumer {
  readonly queue: Queue
  readonly limit: number
  inHand: number
}

function priorityOf(args: Headers, title: string): number {
  const priority = args['x-priority'] ?? 0
  if (typeof priority !== 'number' || !Number.isInteger(priority)) {
    throw preconditionFailed(`invalid arg 'x-priority' for ${title}: "expected integer, got ${typeName(priority)}"`)
  }
  return priority
}

function withDeliveryCount(message: Message, count: number): Message {
  const name = 'x-delivery-count'
  const fields = tableFields(message.headers ?? new Uint8Array()).filter((field) => field.name !== name)
  return { ...message, headers: writeFields(asEdited([...fields, { name, value: raw.long(BigInt(count)) }])) }
}
