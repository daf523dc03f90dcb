import { type AddressInfo, createServer } from 'node:net'
import { Budget, costOf } from '../broker/memory/budget.ts'
import { VirtualHost } from '../broker/memory/vhost.ts'
import { BUILT_IN_PLATFORM } from '../broker/server-version.ts'
import { messageOf, TwqError } from '../errors.ts'
import type { EventLogger, Logger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { Connection } from './connection.ts'
import type { ConnectionLimits } from './server-context.ts'

/** How the embedded broker runs. */
export interface DevBrokerOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string
  /** Drives expirations and time-outs of queues; default the machine's. */
  readonly clock?: Clock
  readonly logger?: Logger
  /** The folder of the project that it serves; clients get it in the server's properties. */
  readonly project?: string
  /** Names and passwords that may log in; default guest with the password guest. */
  readonly users?: Readonly<Record<string, string>>
  /** The longest message body taken, in bytes; default 128 MiB, as RabbitMQ's. */
  readonly maxMessageBytes?: number
  /**
   * Bytes of messages held, ready or unacknowledged, above which publishers wait; default 256 MiB. Bodies, headers, properties and
   * half a kilobyte beside them count, once for each queue that a message is in. Of messages that are not complete yet, all connections
   * together may have as much again.
   */
  readonly maxHeldBytes?: number
  /**
   * Bytes of all else that clients can have it keep: virtual hosts, exchanges, queues, bindings, channels and consumers, each for two
   * kilobytes and its names and arguments. What goes beyond is refused with 406. Default 64 MiB.
   */
  readonly maxDeclaredBytes?: number
  /** Seconds; what is proposed to clients. Default 60. */
  readonly heartbeat?: number
  /** Milliseconds that a client may take from connecting to an open virtual host; default 10 s. */
  readonly handshakeTimeout?: number
}

/** A running embedded broker. */
export interface DevBroker extends AsyncDisposable {
  /** For clients on this machine: `amqp://guest:guest@127.0.0.1:5672//`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Open connections. */
  readonly connections: number
  /** Takes no more publishes until `unblock`, and tells publishers why. */
  block(reason: string): void
  /** Takes publishes again. */
  unblock(): void
  /** Cuts every connection without a word, as a crash or a failing network does. Messages stay. */
  cutConnections(): void
  /** Closes every connection and forgets everything. */
  stop(): Promise<void>
}

/**
 * Starts the embedded broker: AMQP 0-9-1 over TCP, for development and tests. It behaves as RabbitMQ 3.10 does and keeps
 * everything in memory. Any virtual host exists as soon as a client opens it. Rejects with `TWQ_BROKER_UNREACHABLE` when
 * the port can't be had.
 */
export async function startDevBroker(options: DevBrokerOptions = {}): Promise<DevBroker> {
  const { host = '127.0.0.1', port = 0, logger = SILENT, users = { guest: 'guest' } } = options
  const { clock = systemClock, maxHeldBytes = 256 * MIB, maxDeclaredBytes = 64 * MIB, project } = options
  const budget = new Budget(maxDeclaredBytes)
  const vhosts = new Map<string, VirtualHost>()
  const connections = new Set<Connection>()
  let held = 0
  let blockedBy: string | undefined

  const alarmChanged = (): void => {
    for (const connection of connections) connection.alarmChanged()
  }
  const onHeld = (bytes: number): void => {
    const wasFull = held > maxHeldBytes
    held += bytes
    if (wasFull !== held > maxHeldBytes) alarmChanged()
  }
  const vhost = (name: string): VirtualHost => {
    const known = vhosts.get(name)
    if (known !== undefined) return known
    // It is never forgotten, and has six exchanges from the beginning.
    budget.take(8 * costOf({ name }), `vhost '${name}'`)
    const created = new VirtualHost(name, { clock, budget, onHeld })
    vhosts.set(name, created)
    return created
  }
  const { maxMessageBytes = 128 * MIB } = options
  const limits: ConnectionLimits = {
    channelMax: 2047,
    frameMax: 131_072,
    heartbeat: options.heartbeat ?? 60,
    maxMessageBytes,
    maxIncompleteBytes: Math.max(maxMessageBytes, maxHeldBytes),
    handshakeTimeout: options.handshakeTimeout ?? 10_000,
    maxUnread: 4 * MIB,
    maxUnreadAnswers: 16 * MIB,
  }

  const server = createServer((socket) => {
    const connection = new Connection(socket, {
      logger,
      properties: { ...SERVER_PROPERTIES, ...(project !== undefined && { project }) },
      limits,
      accepts: ({ user, password }) => Object.hasOwn(users, user) && users[user] === password,
      vhost,
      budget,
      incompleteBytes: () => [...connections].reduce((bytes, one) => bytes + one.incompleteBytes(), 0),
      get alarm() {
        return blockedBy ?? (held > maxHeldBytes ? 'low on memory' : undefined)
      },
    })
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  })
  server.maxConnections = MAX_CONNECTIONS
  const address = await listening(server, host, port)
  const shown = host.includes(':') ? `[${host}]` : host
  const url = `amqp://${credentialsIn(users)}${shown}:${address.port}//`
  logger.warn({ host, port: address.port }, 'dev broker started: not for production, keeps nothing on disk')

  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const connection of connections) connection.shutDown('dev broker stopped')
    for (const one of vhosts.values()) one.close()
    await closed
  }
  const stopOnce = (): Promise<void> => {
    stopped ??= stop()
    return stopped
  }

  return {
    url,
    host,
    port: address.port,
    get connections() {
      return connections.size
    },
    block(reason) {
      blockedBy = reason
      alarmChanged()
    },
    unblock() {
      blockedBy = undefined
      alarmChanged()
    },
    cutConnections() {
      for (const connection of connections) connection.cut()
    },
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  }
}

const MIB = 2 ** 20
const MAX_CONNECTIONS = 1_000

// Clients choose their ways by product and version (kombu: what a global prefetch means), so we answer to the name of
// the broker whose behaviour is copied here, and send our own name as the platform.
const SERVER_PROPERTIES = {
  product: 'RabbitMQ',
  version: '3.10.8',
  platform: BUILT_IN_PLATFORM,
  information: 'For development and tests; keeps nothing on disk',
  cluster_name: 'twq-dev',
  capabilities: {
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
  },
}

function listening(server: ReturnType<typeof createServer>, host: string, port: number): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      const hint = 'Choose another port, or stop what listens there.'
      reject(
        new TwqError('TWQ_BROKER_UNREACHABLE', `the dev broker can't listen at ${host}:${port}: ${messageOf(error)}`, {
          hint,
          cause: error,
        }),
      )
    })
    server.listen(port, host, () => resolve(server.address() as AddressInfo))
  })
}

function credentialsIn(users: Readonly<Record<string, string>>): string {
  const [first] = Object.entries(users)
  return first === undefined ? '' : `${first.map(encodeURIComponent).join(':')}@`
}

const silence = (): void => {}
const SILENT: EventLogger = {
  level: 'silent',
  trace: silence,
  debug: silence,
  info: silence,
  warn: silence,
  error: silence,
  fatal: silence,
  child: () => SILENT,
  isLevelEnabled: () => false,
}
