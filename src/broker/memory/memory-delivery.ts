import { decodeFieldTable } from '../../protocol/headers/decode-field-table.ts'
import type { Headers, Properties, Route } from '../../protocol/wire.ts'
import type { Source } from '../amqp/delivery.ts'
import type { Delivery } from '../broker.ts'
import type { Handout, ServerChannel } from './channel.ts'

/** The channel that delivered a message, and on which alone it can be settled. */
export interface SettlingChannel {
  readonly isOpen: boolean
  /** Calls `settle` once for a tag; false, and no call, when it was settled before or the channel is gone. */
  settle(tag: number, settle: (engine: ServerChannel) => void): boolean
}

/** A message handed to a consumer or a getter within the process, settled by calls on the routing engine. */
export class MemoryDelivery implements Delivery {
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

  constructor({ message, deliveryTag, redelivered }: Handout, channel: SettlingChannel, source?: Source) {
    const { fields, error } = decodeFieldTable(Buffer.from(message.headers ?? []))
    this.properties = message.properties
    this.headers = fields
    this.rawHeaders = message.headers
    this.headersError = error
    this.body = message.body
    this.route = { exchange: message.exchange, routingKey: message.routingKeys[0] }
    this.redelivered = redelivered
    this.deliveryTag = deliveryTag
    this.#channel = channel
    this.#source = source
  }

  get alive(): boolean {
    return this.#channel.isOpen && this.#source?.disowned !== true
  }

  ack(): boolean {
    const sent = this.#channel.settle(this.deliveryTag, (engine) => engine.ack(this.deliveryTag, false))
    return sent && this.#source?.disowned !== true
  }

  nack({ requeue }: { readonly requeue: boolean }): boolean {
    const nack = (engine: ServerChannel): void => engine.nack(this.deliveryTag, { multiple: false, requeue })
    return this.#channel.settle(this.deliveryTag, nack) && this.#source?.disowned !== true
  }
}
