import { readFileSync } from 'node:fs'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { messageOf, TwqError } from '../../errors.ts'
import type { Broker, Connection } from '../broker.ts'
import { handshakeTimeout, socketFailure } from '../handshake-failures.ts'
import { type BrokerAddress, parseBrokerUrl } from '../url.ts'
import { type AmqpConnection, openConnection } from './connection.ts'
import { privateAmqplib } from './private-amqplib.ts'

/** How to reach RabbitMQ. */
export interface AmqpBrokerOptions {
  /** One URL, or several separated by `;` that are tried in turn. */
  readonly url: string
  /** Milliseconds between signs of life; 0 is none. `?heartbeat=` in the URL wins. */
  readonly heartbeat: number
  /** Milliseconds for TCP, TLS and the handshake together, each address anew: 10 s. `?connection_timeout=` in the URL wins. */
  readonly connectTimeout?: number
  /** The connection's name, as RabbitMQ lists it. */
  readonly name: string
  readonly clientProperties?: Readonly<Record<string, unknown>>
  /** Takes what a delivery, cancel or blocked callback threw; by default a process warning. */
  readonly onCallbackError?: (error: unknown) => void
}

const CONNECT_TIMEOUT = 10_000

const CAPABILITIES = {
  publisher_confirms: true,
  exchange_exchange_bindings: true,
  'basic.nack': true,
  consumer_cancel_notify: true,
  'connection.blocked': true,
  authentication_failure_close: true,
}

/** RabbitMQ through amqplib. Throws `TWQ_CONFIG` for a URL that can't be used, `TWQ_INTERNAL` for another amqplib. */
export function amqpBroker(options: AmqpBrokerOptions): Broker {
  privateAmqplib()
  const addresses = parseBrokerUrl(options.url)
  const timeout = options.connectTimeout ?? CONNECT_TIMEOUT
  const onCallbackError = options.onCallbackError ?? warn
  // The address that worked last comes first.
  let preferred = 0

  const connectTo = (address: BrokerAddress, name: string, signal?: AbortSignal): Promise<AmqpConnection> =>
    openWithin(address, address.connectTimeout ?? timeout, signal, (socket) =>
      openConnection(
        socket,
        {
          address,
          heartbeat: address.heartbeat ?? options.heartbeat,
          clientProperties: {
            product: 'twq',
            platform: `Node.js ${process.version}`,
            ...options.clientProperties,
            connection_name: name,
            capabilities: CAPABILITIES,
          },
        },
        onCallbackError,
      ),
    )

  return {
    async connect({ name = options.name, signal } = {}): Promise<Connection> {
      const failures: unknown[] = []
      for (let turn = 0; turn < addresses.length; turn++) {
        const index = (preferred + turn) % addresses.length
        try {
          const connection = await connectTo(addresses[index]!, name, signal)
          preferred = index
          return connection
        } catch (error) {
          signal?.throwIfAborted()
          failures.push(error)
        }
      }
      throw failureOfAll(failures)
    },
  }
}

/** Opens a socket and hands it to `use`; both together must be done in time, else the socket is destroyed. */
async function openWithin<T>(
  address: BrokerAddress,
  timeout: number,
  signal: AbortSignal | undefined,
  use: (socket: Socket) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted()
  let socket: Socket | undefined
  let give!: (error: unknown) => void
  const interrupted = new Promise<never>((_, reject) => {
    give = reject
  })
  const timer = setTimeout(() => give(handshakeTimeout(address, timeout)), timeout)
  const onAbort = (): void => give(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  try {
    socket = dial(address)
    return await Promise.race([opened(socket, address).then(use), interrupted])
  } catch (error) {
    // Later errors of the socket mean nothing any more, but without a listener they would end the process.
    socket?.on('error', () => {})
    socket?.destroy()
    throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

function dial(address: BrokerAddress): Socket {
  const { host, port } = address
  // Node allows 250 ms for each address of a name, which a distant broker may need longer than.
  const target = { host, port, noDelay: true, autoSelectFamilyAttemptTimeout: 2_500 }
  if (!address.tls) return connectTcp(target)
  const read = (path: string | undefined): Buffer | undefined => {
    try {
      return path === undefined ? undefined : readFileSync(path)
    } catch (error) {
      throw new TwqError('TWQ_BROKER_TLS', `the file ${path} can't be read: ${messageOf(error)}`, { cause: error })
    }
  }
  const ca = read(address.caFile)
  const cert = read(address.certFile)
  const key = read(address.keyFile)
  // Loaded only when TLS is used: it takes longer than the rest of Node's network.
  return process.getBuiltinModule('node:tls').connect({
    ...target,
    ...(isIP(host) ? {} : { servername: host }),
    ...(ca && { ca }),
    ...(cert && { cert }),
    ...(key && { key }),
  })
}

function opened(socket: Socket, address: BrokerAddress): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(socketFailure(error, address))
    socket.once('error', fail)
    socket.once(address.tls ? 'secureConnect' : 'connect', () => {
      socket.off('error', fail)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

// Prefers a failure other than an unreachable address: an address that answers and refuses the password, for instance.
function failureOfAll(failures: readonly unknown[]): unknown {
  const telling = failures.find((failure) => !TwqError.is(failure, 'TWQ_BROKER_UNREACHABLE')) ?? failures[0]
  if (failures.length === 1 || !TwqError.is(telling)) return telling
  return new TwqError(telling.code, `${failures.map(messageOf).join('; ')}`, {
    hint: telling.hint,
    cause: new AggregateError(failures),
  })
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : new Error(messageOf(error)))
}
