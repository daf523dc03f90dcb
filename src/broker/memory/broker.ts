import { TwqError } from '../../errors.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import type { Broker, Channel, CloseReason, Connection, ServerInfo } from '../broker.ts'
import { connectionFailure } from '../failures.ts'
import { FRAME_MAX, MemoryChannel, WHERE } from './memory-channel.ts'
import { VirtualHost } from './vhost.ts'

/** A broker within the process, for tests: the routing engine behind the same seam as RabbitMQ. */
export interface MemoryBroker extends Broker {
  /** Cuts every connection, as a failing network does. Messages stay. */
  cutConnections(): void
}

/** Creates an empty broker with one virtual host, `/`. `clock` drives expirations. */
export function createMemoryBroker(options: { readonly clock?: Clock } = {}): MemoryBroker {
  const vhost = new VirtualHost('/', options)
  const connections = new Set<MemoryConnection>()
  return {
    async connect({ signal } = {}) {
      signal?.throwIfAborted()
      const connection = new MemoryConnection(vhost)
      connections.add(connection)
      void connection.closed.then(() => connections.delete(connection))
      return connection
    },
    cutConnections() {
      for (const connection of connections) connection.destroy(new Error('the connection was cut'))
    },
  }
}

const SERVER: ServerInfo = { product: 'RabbitMQ', version: '3.10.8', heartbeat: 0, frameMax: FRAME_MAX }

class MemoryConnection implements Connection {
  readonly server = SERVER
  readonly blocked = undefined
  readonly closed: Promise<CloseReason>
  readonly #closed = deferred<CloseReason>()
  readonly #vhost: VirtualHost
  readonly #channels = new Set<MemoryChannel>()
  #over: TwqError | undefined

  constructor(vhost: VirtualHost) {
    this.#vhost = vhost
    this.closed = this.#closed.promise
  }

  /** A memory broker never blocks. */
  onBlocked(): () => void {
    return () => {}
  }

  async openChannel(): Promise<Channel> {
    if (this.#over !== undefined) throw this.#over
    const channel = new MemoryChannel(this.#vhost, this)
    this.#channels.add(channel)
    void channel.closed.then(() => this.#channels.delete(channel))
    return channel
  }

  destroy(error: Error): void {
    const failure = connectionFailure(error, WHERE)
    this.#end(failure, { kind: 'lost', error: failure })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new TwqError('TWQ_CLOSED', 'the connection was closed on this side'), { kind: 'requested' })
  }

  #end(error: TwqError, reason: CloseReason): void {
    if (this.#over !== undefined) return
    this.#over = error
    for (const channel of this.#channels) channel.end(error, reason)
    this.#vhost.ownerGone(this)
    this.#closed.resolve(reason)
  }
}
