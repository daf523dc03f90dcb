import type { Socket } from 'node:net'
import { costOf } from '../broker/memory/budget.ts'
import { notAllowed, Refusal } from '../broker/memory/refusal.ts'
import type { VirtualHost } from '../broker/memory/vhost.ts'
import { type Clock, systemClock, type Timer } from '../runtime/time/clock.ts'
import { Channel, type ChannelOwner } from './channel.ts'
import { channelError, connectionForced, MethodFailure, NO_METHOD, unexpectedFrame } from './errors.ts'
import { FRAME, type Frame, FrameReader, HEARTBEAT_FRAME, methodFrame } from './frames.ts'
import { Handshake } from './handshake.ts'
import { type Heartbeat, keepAlive } from './heartbeat.ts'
import type { MethodArguments, MethodName } from './methods.ts'
import type { ServerContext } from './server-context.ts'
import { decodeMethod, methodId } from './values.ts'

/** How long a client has to answer `connection.close`, in milliseconds. */
const CLOSE_TIMEOUT = 2_000

/**
 * One client: the handshake, heartbeats, and its channels. The worst that its bytes can do is to end this
 * connection. Transport timers run on the machine's clock, since the client's do.
 */
export class Connection implements ChannelOwner {
  readonly maxMessageBytes: number
  readonly #socket: Socket
  readonly #around: ServerContext
  readonly #clock: Clock = systemClock
  readonly #reader: FrameReader
  readonly #channels = new Map<number, Channel>()
  readonly #handshake: Handshake
  #state: 'handshake' | 'running' | 'closing' = 'handshake'
  #deadline: Timer | undefined
  #heartbeat: Heartbeat | undefined
  #blocked = false
  #publishes = false
  #backedUp = false
  #corked = false
  #flushes: (() => void)[] = []

  constructor(socket: Socket, around: ServerContext) {
    const { limits } = around
    this.#socket = socket
    this.#around = around
    this.#reader = new FrameReader(limits.frameMax)
    this.#handshake = new Handshake(around, {
      send: (name, values) => this.#send(name, values),
      hangUp: (lastBytes) => (lastBytes === undefined ? socket.destroy() : socket.end(lastBytes)),
      tuned: (heartbeat) => this.#tuned(heartbeat),
      opened: () => this.#opened(),
    })
    this.maxMessageBytes = limits.maxMessageBytes
    this.#deadline = this.#clock.after(limits.handshakeTimeout, () => socket.destroy())
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('drain', () => this.#drained())
    socket.on('error', (error) => around.logger.debug({ err: error }, 'dev broker client failed'))
    socket.on('close', () => this.#gone())
  }

  get vhost(): VirtualHost {
    return this.#handshake.vhost as VirtualHost
  }

  get user(): string {
    return this.#handshake.user
  }

  get frameMax(): number {
    return this.#handshake.frameMax
  }

  get writable(): boolean {
    return !this.#backedUp && this.#state === 'running'
  }

  get hearsCancels(): boolean {
    return this.#handshake.capabilities.consumer_cancel_notify === true
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
    const unread = this.#socket.writableLength
    if (unread > this.#around.limits.maxUnread) this.#backedUp = true
    if (unread > this.#around.limits.maxUnreadAnswers) this.#socket.pause()
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

  /** The server's alarm went on or off: blocks or unblocks a client that publishes. */
  alarmChanged(): void {
    const { alarm } = this.#around
    const block = alarm !== undefined && this.#publishes && this.#state === 'running'
    if (block === this.#blocked) return
    this.#blocked = block
    if (this.#handshake.capabilities['connection.blocked'] === true) {
      if (alarm !== undefined) this.#send('connection.blocked', { reason: alarm })
      else this.#send('connection.unblocked', {})
    }
    this.#regulateReading()
  }

  /** Ends the connection from this side. */
  shutDown(reason: string): void {
    if (this.#state === 'running') this.#refuse(connectionForced(reason), NO_METHOD)
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
      if (this.#handshake.phase === 'greeting' && !this.#handshake.greet(this.#reader)) return
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) this.#take(frame)
    } catch (error) {
      this.#failed(error)
    }
    for (const flush of this.#flushes.splice(0)) flush()
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
      throw channelError(`frame on channel ${frame.channel} in connection state ${this.#handshake.phase}`)
    }
    const channel = this.#channels.get(frame.channel)
    if (channel !== undefined) {
      channel.receive(frame)
      return
    }
    const { channelMax } = this.#handshake
    const id = frame.type === FRAME.method ? methodId(frame.payload) : NO_METHOD
    if (id[0] !== 20 || id[1] !== 10) throw new MethodFailure(channelError("expected 'channel.open'"), id)
    if (this.#channels.size >= channelMax) {
      throw new MethodFailure(
        notAllowed(
          `number of channels opened (${this.#channels.size}) has reached the negotiated channel_max (${channelMax})`,
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
      const method = decodeMethod(frame.payload)
      if (method.name !== 'connection.close') {
        this.#handshake.take(method)
        return
      }
    } catch (error) {
      throw error instanceof MethodFailure ? error : new MethodFailure(error, id)
    }
    this.#send('connection.close-ok', {})
    this.#state = 'closing'
    this.#socket.end()
  }

  #tuned(heartbeat: number): void {
    this.#reader.frameMax = this.#handshake.frameMax
    this.#heartbeat = keepAlive(heartbeat * 1_000, {
      clock: this.#clock,
      beat: () => this.write([HEARTBEAT_FRAME]),
      lost: (silentMs) => {
        // While reading is paused, no heartbeat can arrive.
        if (this.#socket.isPaused()) return
        this.#around.logger.warn({ silentMs }, 'dev broker client missed its heartbeats')
        this.#socket.destroy()
      },
    })
  }

  #opened(): void {
    this.#state = 'running'
    this.#deadline?.cancel()
  }

  #regulateReading(): void {
    if (this.#blocked || this.#socket.writableLength > this.#around.limits.maxUnreadAnswers) {
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
    // Goes on reading: the answer comes after what the client has sent already.
    this.#blocked = false
    this.#socket.resume()
  }

  #closeChannels(): void {
    for (const channel of this.#channels.values()) channel.close()
    this.#around.budget.give(this.#channels.size * CHANNEL)
    this.#channels.clear()
    this.#handshake.vhost?.ownerGone(this)
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
