import type { Delivery } from '../../broker/broker.ts'
import { unpacked } from '../../protocol/headers/packed-copy.ts'
import type { Headers, Properties, Route } from '../../protocol/wire.ts'

/** A suspect as it was before its copy was packed; any other delivery as it is. */
export function unpackedDelivery(delivery: Delivery): Delivery {
  const content = unpacked(delivery)
  return content === undefined ? delivery : new UnpackedDelivery(delivery, content)
}

type Content = NonNullable<ReturnType<typeof unpacked>>

class UnpackedDelivery implements Delivery {
  readonly properties: Properties
  readonly headers: Headers
  readonly rawHeaders: Uint8Array | undefined
  readonly headersError: string | undefined
  readonly body: Uint8Array
  readonly route: Route
  readonly redelivered: boolean
  readonly deliveryTag: number
  readonly #packed: Delivery

  constructor(packed: Delivery, { headers, rawHeaders, headersError, body }: Content) {
    this.properties = packed.properties
    this.headers = headers
    this.rawHeaders = rawHeaders
    this.headersError = headersError
    this.body = body
    this.route = packed.route
    this.redelivered = packed.redelivered
    this.deliveryTag = packed.deliveryTag
    this.#packed = packed
  }

  get alive(): boolean {
    return this.#packed.alive
  }

  ack(): boolean {
    return this.#packed.ack()
  }

  nack(options: { readonly requeue: boolean }): boolean {
    return this.#packed.nack(options)
  }
}
