import { accessRefused, notAllowed } from '../broker/memory/refusal.ts'
import type { VirtualHost } from '../broker/memory/vhost.ts'
import type { Headers, HeaderValue } from '../protocol/wire.ts'
import { channelError, MethodFailure, NO_METHOD } from './errors.ts'
import { type FrameReader, SMALLEST_FRAME_MAX } from './frames.ts'
import { credentialsOf, MECHANISMS } from './login.ts'
import type { Method, MethodArguments, MethodName } from './methods.ts'
import type { ServerContext } from './server-context.ts'

/** The connection that a handshake is made for. */
interface HandshakeClient {
  send<Name extends MethodName>(name: Name, values: MethodArguments<Name>): void
  /** Ends the connection without `connection.close`, after `lastBytes`. */
  hangUp(lastBytes?: Buffer): void
  /** The limits are agreed upon; `heartbeat` is in seconds. */
  tuned(heartbeat: number): void
  /** The client has opened its virtual host. */
  opened(): void
}

type Phase = 'greeting' | 'starting' | 'tuning' | 'opening' | 'running'

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')

/** AMQP's opening conversation: protocol header, login, limits, virtual host. */
export class Handshake {
  readonly #around: ServerContext
  readonly #client: HandshakeClient
  #phase: Phase = 'greeting'
  #user = ''
  #vhost: VirtualHost | undefined
  #capabilities: Headers = {}
  #channelMax: number
  #frameMax: number

  constructor(around: ServerContext, client: HandshakeClient) {
    this.#around = around
    this.#client = client
    this.#channelMax = around.limits.channelMax
    this.#frameMax = around.limits.frameMax
  }

  get phase(): Phase {
    return this.#phase
  }

  get user(): string {
    return this.#user
  }

  /** Undefined until the handshake is over. */
  get vhost(): VirtualHost | undefined {
    return this.#vhost
  }

  /** The client's capabilities: RabbitMQ's extensions that it knows. */
  get capabilities(): Headers {
    return this.#capabilities
  }

  get channelMax(): number {
    return this.#channelMax
  }

  get frameMax(): number {
    return this.#frameMax
  }

  /** Reads the protocol header; false while it is incomplete, and where it is another protocol's. */
  greet(reader: FrameReader): boolean {
    const header = reader.take(PROTOCOL_HEADER.length)
    if (header === undefined) return false
    if (!header.equals(PROTOCOL_HEADER)) {
      // As AMQP asks: say which protocol is spoken here, and hang up.
      this.#client.hangUp(PROTOCOL_HEADER)
      return false
    }
    this.#phase = 'starting'
    this.#client.send('connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: this.#around.properties,
      mechanisms: Buffer.from(MECHANISMS),
      locales: Buffer.from('en_US'),
    })
    return true
  }

  /** Takes the next method of the client. Throws a refusal for one that is not its turn. */
  take(method: Method): void {
    const expected = NEXT_METHOD[this.#phase]
    if (method.name !== expected) throw channelError(`unexpected method in connection state ${this.#phase}`)
    if (method.name === 'connection.start-ok') this.#start(method.arguments)
    else if (method.name === 'connection.tune-ok') this.#tune(method.arguments)
    else if (method.name === 'connection.open') this.#open(method.arguments.virtualHost)
  }

  #start({ clientProperties, mechanism, response }: MethodArguments<'connection.start-ok'>): void {
    this.#capabilities = tableOf(clientProperties.capabilities)
    const credentials = credentialsOf(mechanism, response)
    if (credentials === undefined || !this.#around.accepts(credentials)) {
      this.#around.logger.warn({ user: credentials?.user, mechanism }, 'dev broker login refused')
      if (this.#capabilities.authentication_failure_close !== true) {
        this.#client.hangUp()
        return
      }
      throw new MethodFailure(
        accessRefused(
          `Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
        ),
        NO_METHOD,
      )
    }
    this.#user = credentials.user
    this.#phase = 'tuning'
    const { channelMax, frameMax, heartbeat } = this.#around.limits
    this.#client.send('connection.tune', { channelMax, frameMax, heartbeat })
  }

  #tune({ channelMax, frameMax, heartbeat }: MethodArguments<'connection.tune-ok'>): void {
    const { limits } = this.#around
    this.#channelMax = negotiated('channel_max', channelMax, limits.channelMax, 1)
    this.#frameMax = negotiated('frame_max', frameMax, limits.frameMax, SMALLEST_FRAME_MAX)
    this.#phase = 'opening'
    this.#client.tuned(heartbeat)
  }

  #open(virtualHost: string): void {
    this.#vhost = this.#around.vhost(virtualHost)
    this.#phase = 'running'
    this.#client.opened()
    this.#client.send('connection.open-ok', { reserved1: '' })
  }
}

const NEXT_METHOD: Readonly<Partial<Record<Phase, MethodName>>> = {
  starting: 'connection.start-ok',
  tuning: 'connection.tune-ok',
  opening: 'connection.open',
}

function negotiated(name: string, asked: number, most: number, least: number): number {
  if (asked > most) {
    throw notAllowed(`negotiated ${name} = ${asked} is higher than the maximum allowed value (${most})`)
  }
  // Zero: the client sets no limit of its own.
  if (asked === 0) return most
  if (asked < least)
    throw notAllowed(`negotiated ${name} = ${asked} is lower than the minimum allowed value (${least})`)
  return asked
}

function tableOf(value: HeaderValue | undefined): Headers {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
    ? (value as Headers)
    : {}
}
