/** Where a message is sent to or came from: an exchange (`''` is the default exchange) and a routing key. */
export interface Route {
  readonly exchange: string
  readonly routingKey: string
}

/** A value in an AMQP field table, as the broker layer decodes it. Unsafe 64-bit integers are `bigint`. */
export type HeaderValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly HeaderValue[]
  | { readonly [key: string]: HeaderValue }

/** A header table. Those from the wire have no prototype. */
export type Headers = { readonly [key: string]: HeaderValue }

/** The AMQP basic properties except the headers. */
export interface Properties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  /** 1 transient, 2 persistent. */
  readonly deliveryMode?: number | undefined
  readonly priority?: number | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  /** Time to live in milliseconds, as text. */
  readonly expiration?: string | undefined
  readonly messageId?: string | undefined
  readonly timestamp?: number | undefined
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly appId?: string | undefined
}

/** A message as AMQP carries it. */
export interface WireMessage {
  readonly properties: Properties
  readonly headers: Headers
  /**
   * The header table's bytes exactly as received, without the length prefix. If set, publishing sends these bytes and ignores
   * `headers`. If the table can't be represented, `headers` is empty and `headersError` gives the reason.
   */
  readonly rawHeaders?: Uint8Array | undefined
  readonly headersError?: string | undefined
  readonly body: Uint8Array
}

/** An outgoing message. */
export interface Outgoing {
  readonly route: Route
  readonly message: WireMessage
}
