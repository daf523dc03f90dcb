import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { contentFrames, FRAME, type Frame, FrameReader, methodFrame } from '../../src/devbroker/frames.ts'
import type { Method, MethodArguments, MethodName } from '../../src/devbroker/methods.ts'
import { decodeContentHeader, decodeMethod } from '../../src/devbroker/values.ts'
import type { Properties } from '../../src/protocol/wire.ts'
import { deferred } from '../../src/runtime/time/deferred.ts'

/** A method as it came, with the content that followed it. */
export interface Received {
  readonly channel: number
  readonly method: Method
  readonly content?: {
    readonly properties: Properties
    readonly headers: Uint8Array | undefined
    readonly body: Buffer
  }
}

export const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')

/** An AMQP client that does nothing of its own accord, so that a test can do what no library would. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket
  /** Resolves when the broker has closed the socket. */
  readonly ended: Promise<void>
  readonly #reader = new FrameReader(2 ** 31)
  readonly #received: Received[] = []
  readonly #waiting: { resolve(received: Received): void; reject(error: Error): void }[] = []
  #over: Error | undefined
  #partial: { channel: number; method: Method; frames: Buffer[]; missing: number; header?: Buffer } | undefined

  static async to(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port || 5672), hostname)
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Connects and goes through the handshake. */
  static async open(url: string, over: Partial<MethodArguments<'connection.tune-ok'>> = {}): Promise<RawClient> {
    const client = await RawClient.to(url)
    const { username, password, pathname } = new URL(url)
    await client.login(decodeURIComponent(username), decodeURIComponent(password))
    client.send(0, 'connection.tune-ok', { channelMax: 2047, frameMax: 131_072, heartbeat: 0, ...over })
    client.send(0, 'connection.open', {
      virtualHost: decodeURIComponent(pathname.slice(1)) || '/',
      reserved1: '',
      reserved2: false,
    })
    await client.expect('connection.open-ok')
    return client
  }

  constructor(socket: Socket) {
    this.socket = socket.setNoDelay(true)
    const ended = deferred<void>()
    this.ended = ended.promise
    socket.on('data', (chunk) => {
      this.#reader.push(chunk)
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) this.#take(frame)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#over = new Error('the broker closed the socket')
      for (const { reject } of this.#waiting.splice(0)) reject(this.#over)
      ended.resolve()
    })
  }

  /** Up to and including the broker's `connection.tune`. */
  async login(user = 'guest', password = 'guest'): Promise<MethodArguments<'connection.tune'>> {
    this.socket.write(PROTOCOL_HEADER)
    await this.expect('connection.start')
    this.send(0, 'connection.start-ok', {
      clientProperties: {
        capabilities: {
          authentication_failure_close: true,
          consumer_cancel_notify: true,
          'connection.blocked': true,
          'basic.nack': true,
          publisher_confirms: true,
        },
      },
      mechanism: 'PLAIN',
      response: Buffer.from(`\0${user}\0${password}`),
      locale: 'en_US',
    })
    return (await this.expect('connection.tune')).method.arguments as MethodArguments<'connection.tune'>
  }

  async channel(number = 1): Promise<void> {
    this.send(number, 'channel.open', { reserved1: '' })
    await this.expect('channel.open-ok')
  }

  send<Name extends MethodName>(channel: number, name: Name, values: MethodArguments<Name>): void {
    this.socket.write(methodFrame(channel, name, values))
  }

  publish(
    channel: number,
    route: { exchange: string; routingKey: string; mandatory?: boolean; immediate?: boolean },
    content: { properties?: Properties; headers?: Uint8Array; body?: Uint8Array } = {},
  ): void {
    const { mandatory = false, immediate = false, ...rest } = route
    this.send(channel, 'basic.publish', { reserved1: 0, mandatory, immediate, ...rest })
    const { properties = {}, headers, body = Buffer.from('x') } = content
    for (const frame of contentFrames(channel, { properties, headers, body }, 131_072)) this.socket.write(frame)
  }

  /** The next method from the broker. Rejects when the socket closes first. */
  receive(): Promise<Received> {
    const received = this.#received.shift()
    if (received !== undefined) return Promise.resolve(received)
    if (this.#over !== undefined) return Promise.reject(this.#over)
    const { promise, resolve, reject } = deferred<Received>()
    this.#waiting.push({ resolve, reject })
    return promise
  }

  /** The next method, which must be the one named. */
  async expect<Name extends MethodName>(name: Name): Promise<Received & { method: Extract<Method, { name: Name }> }> {
    const received = await this.receive()
    if (received.method.name !== name) {
      throw new Error(`expected ${name}, got ${received.method.name} ${JSON.stringify(received.method.arguments)}`)
    }
    return received as Received & { method: Extract<Method, { name: Name }> }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.ended
  }

  #take(frame: Frame): void {
    if (frame.type === FRAME.heartbeat) return
    if (frame.type === FRAME.method) {
      const method = decodeMethod(frame.payload)
      const carries = ['basic.deliver', 'basic.return', 'basic.get-ok'].includes(method.name)
      if (carries) this.#partial = { channel: frame.channel, method, frames: [], missing: -1 }
      else this.#emit({ channel: frame.channel, method })
      return
    }
    const partial = this.#partial
    if (partial === undefined) throw new Error('content without a method')
    if (frame.type === FRAME.header) {
      partial.header = Buffer.from(frame.payload)
      partial.missing = decodeContentHeader(frame.payload).bodySize
    } else {
      partial.frames.push(Buffer.from(frame.payload))
      partial.missing -= frame.payload.length
    }
    if (partial.missing > 0 || partial.header === undefined) return
    const { properties, headers } = decodeContentHeader(partial.header)
    this.#partial = undefined
    const { channel, method } = partial
    this.#emit({ channel, method, content: { properties, headers, body: Buffer.concat(partial.frames) } })
  }

  #emit(received: Received): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#received.push(received)
    else waiting.resolve(received)
  }
}
