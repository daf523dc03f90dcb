import type { Budget } from '../broker/memory/budget.ts'
import type { VirtualHost } from '../broker/memory/vhost.ts'
import type { Headers } from '../protocol/wire.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Credentials } from './login.ts'

/** The server as one of its connections sees it. */
export interface ServerContext {
  readonly logger: EventLogger
  /** The server properties of `connection.start`. */
  readonly properties: Headers
  readonly limits: ConnectionLimits
  accepts(credentials: Credentials): boolean
  vhost(name: string): VirtualHost
  /** Bounds the bytes that channels take. */
  readonly budget: Budget
  /** Bytes of incomplete messages on all connections. */
  incompleteBytes(): number
  /** Why no publishes are taken at the moment. */
  readonly alarm: string | undefined
}

/** Bounds on what one client may ask for. */
export interface ConnectionLimits {
  readonly channelMax: number
  readonly frameMax: number
  /** Seconds. */
  readonly heartbeat: number
  readonly maxMessageBytes: number
  /** Of incomplete messages, on all connections together. */
  readonly maxIncompleteBytes: number
  /** Milliseconds from the TCP connection to `connection.open`. */
  readonly handshakeTimeout: number
  /**
   * Bytes that wait for the client to read them, above which it gets no more deliveries. It is still read from, as by RabbitMQ: a client
   * that publishes before it reads again would wait without end.
   */
  readonly maxUnread: number
  /** The same, above which nothing more is read from it: then what it asks for, messages by `basic.get` for instance, adds to them. */
  readonly maxUnreadAnswers: number
}
