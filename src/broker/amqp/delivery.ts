import type { Message } from 'amqplib'
import type { DecodedTable } from '../../protocol/headers/decode-field-table.ts'
import type { Headers, Properties, Route } from '../../protocol/wire.ts'
import type { Delivery } from '../broker.ts'

/** The channel that delivered a message, and on which alone it can be settled. */
export interface SettlingChannel {
  readonly isOpen: boolean
  /** False, and nothing is sent, when the tag was settled before or the channel is gone. */
  ack(tag: number): boolean
  nack(tag: number, requeue: boolean): boolean
}

/** What the deliveries of one consumer have in common. */
export interface Source {
  /** The broker took back what is not settled, though the channel is open. */
  readonly disowned: boolean
}

/** A message as amqplib hands it over, in the shape of the seam. */
export class AmqpDelivery implements Delivery {
  readonly properties: Properties
  readonly headers: Headers
  readonly rawHeaders: Uint8Array | undefined
  readonly headersError: string | undefined
  readonly body: Uint8Array
  readonly route: Route
  readonly redelivered: boolean
  readonly deliveryTag: number
  readonly #channel: SettlingChannel
  readonly #source: Source | undefined

  constructor(message: Message, channel: SettlingChannel, source?: Source) {
    const { properties, fields } = message
    const table = properties.headers as unknown as DecodedTable | undefined
    this.properties = {
      contentType: properties.contentType,
      contentEncoding: properties.contentEncoding,
      deliveryMode: properties.deliveryMode,
      priority: properties.priority,
      correlationId: properties.correlationId,
      replyTo: properties.replyTo,
      expiration: properties.expiration,
      messageId: properties.messageId,
      timestamp: properties.timestamp,
      type: properties.type,
      userId: properties.userId,
      appId: properties.appId,
    }
    this.headers = table?.fields ?? NO_HEADERS
    this.rawHeaders = table?.bytes
    this.headersError = table?.error
    this.body = message.content
    this.route = { exchange: fields.exchange, routingKey: fields.routingKey }
    this.redelivered = fields.redelivered
    this.deliveryTag = fields.deliveryTag
    this.#channel = channel
    this.#source = source
  }

  get alive(): boolean {
    return this.#channel.isOpen && this.#source?.disowned !== true
  }

  ack(): boolean {
    return this.#channel.ack(this.deliveryTag) && this.#source?.disowned !== true
  }

  nack(options: { readonly requeue: boolean }): boolean {
    return this.#channel.nack(this.deliveryTag, options.requeue) && this.#source?.disowned !== true
  }
}

const NO_HEADERS: Headers = Object.freeze(Object.create(null))
