import type { GetMessage } from 'amqplib'
import type { DecodedTable } from '../../protocol/headers/decode-field-table.ts'
import type { Headers, Properties, Route } from '../../protocol/wire.ts'
import type { Delivery } from '../broker.ts'
import type { ConsumerCredit } from './consumer-credit.ts'
import type { ReceivedMessage } from './received-message.ts'

/** The channel that delivered a message, and on which alone it can be settled. */
export interface SettlingChannel {
  readonly isOpen: boolean
  /** False, and nothing is sent, when the tag was settled before or the channel is gone. `credit`: of the consumer that it came to. */
  ack(tag: number, credit?: ConsumerCredit): boolean
  nack(tag: number, requeue: boolean, credit?: ConsumerCredit): boolean
}

/** The consumer that deliveries came to. */
export interface Source {
  /** The broker took back what is not settled, though the channel is open. */
  readonly disowned: boolean
}

/** A message that the broker has delivered, in the shape of the seam. */
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
  readonly #credit: ConsumerCredit | undefined

  constructor(message: ReceivedMessage, channel: SettlingChannel, credit?: ConsumerCredit) {
    const { headers, exchange, routingKey } = message
    this.properties = message.properties
    this.headers = headers?.fields ?? NO_HEADERS
    this.rawHeaders = headers?.bytes
    this.headersError = headers?.error
    this.body = message.body
    this.route = { exchange, routingKey }
    this.redelivered = message.redelivered
    this.deliveryTag = message.deliveryTag
    this.#channel = channel
    this.#credit = credit
  }

  get alive(): boolean {
    return this.#channel.isOpen && this.#credit?.disowned !== true
  }

  ack(): boolean {
    return this.#channel.ack(this.deliveryTag, this.#credit) && this.#credit?.disowned !== true
  }

  nack(options: { readonly requeue: boolean }): boolean {
    return this.#channel.nack(this.deliveryTag, options.requeue, this.#credit) && this.#credit?.disowned !== true
  }
}

/** The message that amqplib got for `basic.get`. */
export function receivedByGet({ fields, properties, content }: GetMessage): ReceivedMessage {
  const { headers, ...others } = properties
  const { deliveryTag, redelivered, exchange, routingKey } = fields
  return {
    consumerTag: '',
    deliveryTag,
    redelivered,
    exchange,
    routingKey,
    properties: others,
    headers: headers as unknown as DecodedTable | undefined,
    body: content,
  }
}

const NO_HEADERS: Headers = Object.freeze(Object.create(null))
