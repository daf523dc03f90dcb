import type { Socket } from 'node:net'
import { type Budget, costOf } from '../broker/memory/budget.ts'
import { accessRefused, notAllowed, Refusal } from '../broker/memory/refusal.ts'
import type { VirtualHost } from '../broker/memory/vhost.ts'
import type { Headers, HeaderValue } from '../protocol/wire.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Clock, systemClock, type Timer } from '../runtime/time/clock.ts'
import { Channel, type ChannelOwner } from './channel.ts'
import { channelError, connectionForced, MethodFailure, NO_METHOD, unexpectedFrame } from './errors.ts'
import { FRAME, type Frame, FrameReader, HEARTBEAT_FRAME, methodFrame, SMALLEST_FRAME_MAX } from './frames.ts'
import { type Heartbeat, keepAlive } from './heartbeat.ts'
import { type Credentials, credentialsOf, MECHANISMS } from './login.ts'
import type { Method, MethodArguments, MethodName } from './methods.ts'
import { decodeMethod, methodId } from './values.ts'

/** What a connection needs of the server. */
export interface ConnectionSurroundings {
  readonly logger: EventLogger
  /** What `connection.start` says of the server. */
  readonly properties: Headers
  readonly limits: ConnectionLimits
  accepts(credentials: Credentials): boolean
  vhost(name: string): VirtualHost
  /** What channels are taken from. */
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
  /** Bytes that wait for the client to read them, above which it gets no more deliveries and nothing more is read from it. */
  readonly maxUnread: number
}

type State = 'greeting' | 'starting' | 'tuning' | 'opening' | 'running' | 'closing'

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
/** How long a client has to answer `connection.close`, in milliseconds. */
const CLOSE_TIMEOUT = 2_000

/**
 * One client: the handshake, heartbeats, and its channels. Whatever it sends, the worst that happens is that this one
 * connection ends. Transport timers run on the machine's clock, since the client's do.
 */
export class Connection implements ChannelOwner {
  readonly maxMessageBytes: number
  readonly #socket: Socket
  readonly #around: ConnectionSurroundings
  readonly #clock: Clock = systemClock
  readonly #reader: FrameReader
  readonly #channels = new Map<number, Channel>()
  #state: State = 'greeting'
  #vhost: VirtualHost | undefined
  #user = ''
  #capabilities: Headers = {}
  #channelMax: number
  #frameMax: number
  #deadline: Timer | undefined
  #heartbeat: Heartbeat | undefined
  #blocked = false
  #publishes = false
  #backedUp = false
  #corked = false
  #flushes: (() => void)[] = []

  constructor(socket: Socket, around: ConnectionSurroundings) {
    const { limits } = around
    this.#socket = socket
    this.#around = around
    this.#reader = new FrameReader(limits.frameMax)
    this.#channelMax = limits.channelMax
    this.#frameMax = limits.frameMax
    this.maxMessageBytes = limits.maxMessageBytes
    this.#deadline = this.#clock.after(limits.handshakeTimeout, () => socket.destroy())
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('drain', () => this.#drained())
    socket.on('error', (error) => around.logger.debug({ err: error }, 'dev broker client failed'))
    socket.on('close', () => this.#gone())
  }

  get vhost(): VirtualHost {
    return this.#vhost as VirtualHost
  }

  get user(): string {
    return this.#user
  }

  get frameMax(): number {
    return this.#frameMax
  }

  get writable(): boolean {
    return !this.#backedUp && this.#state === 'running'
  }

  get hearsCancels(): boolean {
    return this.#capabilities.consumer_cancel_notify === true
  }

  write(frames: readonly Buffer[]): void {
    if (this.#socket.destroyed) return
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    for (const frame of frames) this.#socket.write(frame)
    this.#heartbeat?.wrote()
    if (!this.#backedUp && this.#socket.writableLength > this.#around.limits.maxUnread) {
      this.#backedUp = true
      this.#regulateReading()
    }
  }

  publishing(): void {
    this.#publishes = true
    this.alarmChanged()
  }

  incompleteBytes(): number {
    let bytes = 0
    for (const channel of this.#channels.values()) bytes += channel.incompleteBytes
    return bytes
  }

  tooMuchIncomplete(): number | undefined {
    const { maxIncompleteBytes } = this.#around.limits
    return this.#around.incompleteBytes() > maxIncompleteBytes ? maxIncompleteBytes : undefined
  }

  afterBatch(flush: () => void): void {
    this.#flushes.push(flush)
  }

  channelGone(number: number): void {
    if (this.#channels.delete(number)) this.#around.budget.give(CHANNEL)
  }

  /** The server's alarm went on or off: a client that publishes is told, and waits. */
  alarmChanged(): void {
    const { alarm } = this.#around
    const block = alarm !== undefined && this.#publishes && this.#state === 'running'
    if (block === this.#blocked) return
    this.#blocked = block
    if (this.#capabilities['connection.blocked'] === true) {
      if (alarm !== undefined) this.#send('connection.blocked', { reason: alarm })
      else this.#send('connection.unblocked', {})
    }
    this.#regulateReading()
  }

  /** Ends the connection from this side. */
  shutDown(reason: string): void {
    if (this.#state === 'running') this.#refuse(connectionForced(reason), [0, 0])
    else this.#socket.destroy()
  }

  /** Cuts the connection without a word. */
  cut(): void {
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#heartbeat?.heard()
    this.#reader.push(chunk)
    try {
      if (this.#state === 'greeting' && !this.#greet()) return
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) this.#take(frame)
    } catch (error) {
      this.#failed(error)
    }
    for (const flush of this.#flushes.splice(0)) flush()
  }

  #greet(): boolean {
    const header = this.#reader.take(PROTOCOL_HEADER.length)
    if (header === undefined) return false
    if (!header.equals(PROTOCOL_HEADER)) {
      // As AMQP asks: say which protocol is spoken here, and hang up.
      this.#socket.end(PROTOCOL_HEADER)
      return false
    }
    this.#state = 'starting'
    this.#send('connection.start', {
      versionMajor: 0,
      versionMinor: 9,
      serverProperties: this.#around.properties,
      mechanisms: Buffer.from(MECHANISMS),
      locales: Buffer.from('en_US'),
    })
    return true
  }

  #take(frame: Frame): void {
    if (frame.type === FRAME.heartbeat) {
      if (frame.channel !== 0) throw unexpectedFrame('heartbeat on a channel')
      return
    }
    if (this.#state === 'closing') {
      this.#takeWhileClosing(frame)
      return
    }
    if (frame.channel === 0) this.#takeOwn(frame)
    else this.#takeForChannel(frame)
  }

  #takeForChannel(frame: Frame): void {
    if (this.#state !== 'running') {
      throw channelError(`frame on channel ${frame.channel} in connection state ${this.#state}`)
    }
    const channel = this.#channels.get(frame.channel)
    if (channel !== undefined) {
      channel.receive(frame)
      return
    }
    const id = frame.type === FRAME.method ? methodId(frame.payload) : NO_METHOD
    if (id[0] !== 20 || id[1] !== 10) throw new MethodFailure(channelError("expected 'channel.open'"), id)
    if (this.#channels.size >= this.#channelMax) {
      throw new MethodFailure(
        notAllowed(
          `number of channels opened (${this.#channels.size}) has reached the negotiated channel_max (${this.#channelMax})`,
        ),
        id,
      )
    }
    try {
      this.#around.budget.take(CHANNEL, `channel ${frame.channel}`)
    } catch (error) {
      throw new MethodFailure(error, id)
    }
    this.#channels.set(frame.channel, new Channel(frame.channel, this))
    this.write([methodFrame(frame.channel, 'channel.open-ok', { reserved1: new Uint8Array() })])
  }

  #takeOwn(frame: Frame): void {
    if (frame.type !== FRAME.method) throw unexpectedFrame('expected method frame, got non method frame instead')
    const id = methodId(frame.payload)
    try {
      this.#handle(decodeMethod(frame.payload))
    } catch (error) {
      throw error instanceof MethodFailure ? error : new MethodFailure(error, id)
    }
  }

  #handle(method: Method): void {
    const expected = NEXT_METHOD[this.#state]
    if (method.name === 'connection.close') {
      this.#send('connection.close-ok', {})
      this.#state = 'closing'
      this.#socket.end()
      return
    }
    if (method.name !== expected) throw channelError(`unexpected method in connection state ${this.#state}`)
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
        this.#socket.destroy()
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
    this.#state = 'tuning'
    const { channelMax, frameMax, heartbeat } = this.#around.limits
    this.#send('connection.tune', { channelMax, frameMax, heartbeat })
  }

  #tune({ channelMax, frameMax, heartbeat }: MethodArguments<'connection.tune-ok'>): void {
    const { limits } = this.#around
    this.#channelMax = negotiated('channel_max', channelMax, limits.channelMax, 1)
    this.#frameMax = negotiated('frame_max', frameMax, limits.frameMax, SMALLEST_FRAME_MAX)
    this.#reader.frameMax = this.#frameMax
    this.#state = 'opening'
    this.#heartbeat = keepAlive(heartbeat * 1_000, {
      clock: this.#clock,
      beat: () => this.write([HEARTBEAT_FRAME]),
      lost: (silentMs) => {
        // What is not read can't be heard.
        if (this.#socket.isPaused()) return
        this.#around.logger.warn({ silentMs }, 'dev broker client missed its heartbeats')
        this.#socket.destroy()
      },
    })
  }

  #open(virtualHost: string): void {
    this.#vhost = this.#around.vhost(virtualHost)
    this.#state = 'running'
    this.#deadline?.cancel()
    this.#send('connection.open-ok', { reserved1: '' })
  }

  #regulateReading(): void {
    if (this.#blocked || this.#backedUp) {
      this.#socket.pause()
    } else {
      this.#heartbeat?.heard()
      this.#socket.resume()
    }
  }

  #drained(): void {
    if (!this.#backedUp) return
    this.#backedUp = false
    this.#regulateReading()
    for (const channel of this.#channels.values()) channel.resume()
  }

  #takeWhileClosing(frame: Frame): void {
    if (frame.channel !== 0 || frame.type !== FRAME.method) return
    const [classId, method] = methodId(frame.payload)
    if (classId === 10 && method === 50) this.#send('connection.close-ok', {})
    if (classId === 10 && (method === 50 || method === 51)) this.#socket.end()
  }

  #failed(error: unknown): void {
    const failure = error instanceof MethodFailure ? error : new MethodFailure(error, NO_METHOD)
    if (!(failure.cause instanceof Refusal)) {
      this.#around.logger.error({ err: failure.cause }, 'dev broker stumbled over a frame')
    }
    if (this.#state === 'closing') this.#socket.destroy()
    else this.#refuse(failure.refusal, failure.id)
  }

  #refuse(refusal: Refusal, [classId, method]: readonly [number, number]): void {
    this.#around.logger.info({ code: refusal.code, text: refusal.message }, 'dev broker closes a connection')
    this.#state = 'closing'
    this.#closeChannels()
    const fields = { replyCode: refusal.code, replyText: refusal.message, classId, methodId: method }
    this.#send('connection.close', fields)
    this.#deadline?.cancel()
    this.#deadline = this.#clock.after(CLOSE_TIMEOUT, () => this.#socket.destroy())
    // What the client still has to say is read, so that it can get round to the answer.
    this.#blocked = false
    this.#backedUp = false
    this.#socket.resume()
  }

  #closeChannels(): void {
    for (const channel of this.#channels.values()) channel.close()
    this.#around.budget.give(this.#channels.size * CHANNEL)
    this.#channels.clear()
    this.#vhost?.ownerGone(this)
  }

  #gone(): void {
    this.#state = 'closing'
    this.#deadline?.cancel()
    this.#heartbeat?.stop()
    this.#closeChannels()
  }

  #send<Name extends MethodName>(name: Name, values: MethodArguments<Name>): void {
    this.write([methodFrame(0, name, values)])
  }
}

const CHANNEL = costOf({})

const NEXT_METHOD: Readonly<Partial<Record<State, MethodName>>> = {
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
