import type { Socket } from 'node:net'
import { messageOf, TwqError } from '../../errors.ts'
import type { Channel, CloseReason, Connection, ServerInfo } from '../broker.ts'
import { connectionFailure, type Refusal } from '../failures.ts'
import { handshakeFailure } from '../handshake-failures.ts'
import { BUILT_IN_PLATFORM } from '../server-version.ts'
import { type BrokerAddress, describeAddress } from '../url.ts'
import { AmqpChannel } from './channel.ts'
import { type ChannelOwner, CLOSE_TIMEOUT } from './channel-owner.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { pipeline } from './pipeline.ts'
import { type PrivateAmqplib, privateAmqplib, type RawConnection } from './private-amqplib.ts'
import { watchSilence } from './watchdog.ts'

/** The address, and what the client sends about itself in the handshake. */
export interface Introduction {
  readonly address: BrokerAddress
  /** Milliseconds; 0 asks for no heartbeats. */
  readonly heartbeat: number
  readonly clientProperties: Readonly<Record<string, unknown>>
}

/** How long a socket may take to write what is left once the connection is over, in milliseconds. */
const LINGER = 500

const FRAME_MAX = 131_072

/** Speaks AMQP's opening handshake over a connected socket. The caller bounds the time by destroying the socket. */
export async function openConnection(
  socket: Socket,
  introduction: Introduction,
  onCallbackError: (error: unknown) => void,
): Promise<AmqpConnection> {
  const amqplib = privateAmqplib()
  const raw = new amqplib.Connection(socket)
  const connection = new AmqpConnection(amqplib, raw, socket, describeAddress(introduction.address), onCallbackError)
  await shakeHands(amqplib, raw, introduction)
  // The broker may have closed it in the same chunk of bytes.
  if (connection.failure !== undefined) throw connection.failure
  connection.handshakeOver()
  return connection
}

function shakeHands(amqplib: PrivateAmqplib, raw: RawConnection, introduction: Introduction): Promise<void> {
  const { address } = introduction
  // amqplib reports a close during the handshake without the broker's reason, so we look at the frames as they pass.
  let refusal: Refusal | undefined
  const recvFrame = raw.recvFrame
  raw.recvFrame = () => {
    const frame = recvFrame.call(raw)
    if (frame !== false && frame.id === amqplib.methods.ConnectionClose) {
      refusal = { code: Number(frame.fields?.replyCode), text: String(frame.fields?.replyText) }
    }
    return frame
  }
  return new Promise((resolve, reject) => {
    raw.open(
      {
        clientProperties: introduction.clientProperties,
        mechanism: 'PLAIN',
        response: Buffer.from(`\0${address.user}\0${address.password}`),
        locale: 'en_US',
        channelMax: 0,
        frameMax: FRAME_MAX,
        heartbeat: Math.ceil(introduction.heartbeat / 1_000),
        virtualHost: address.vhost,
        capabilities: '',
        insist: false,
      },
      (error) => {
        raw.recvFrame = recvFrame
        if (error === null) resolve()
        else reject(handshakeFailure(error, refusal, address))
      },
    )
  })
}

/** `Connection` over amqplib's connection. */
export class AmqpConnection implements Connection, ChannelOwner {
  readonly closed: Promise<CloseReason>
  readonly onCallbackError: (error: unknown) => void
  readonly #amqplib: PrivateAmqplib
  readonly #raw: RawConnection
  readonly #socket: Socket
  readonly #where: string
  readonly #channels = new Set<AmqpChannel>()
  readonly #blockedListeners = new Set<(reason: string | undefined) => void>()
  #blocked: string | undefined
  #state: 'open' | 'closing' | 'closed' = 'open'
  #failure: TwqError | undefined
  #watch: { stop(): void } | undefined
  #frames: { readonly reader: FrameReader; readonly writer: FrameWriter } | undefined

  /** Attaches every listener before the first byte is read. */
  constructor(
    amqplib: PrivateAmqplib,
    raw: RawConnection,
    socket: Socket,
    where: string,
    onCallbackError: (error: unknown) => void,
  ) {
    this.#amqplib = amqplib
    this.#raw = raw
    this.#socket = socket
    this.#where = where
    this.onCallbackError = onCallbackError
    raw.on('error', (error: Error) => {
      this.#failure ??= connectionFailure(error, where)
    })
    raw.on('blocked', (reason: string) => this.#tellBlocked(reason))
    raw.on('unblocked', () => this.#tellBlocked(undefined))
    // amqplib would not notice a socket that closes without `end` or `error`; it handles `frameError` as a lost connection.
    socket.on('close', () => raw.emit('frameError', new Error('the socket was closed')))
    this.closed = new Promise((resolve) => {
      raw.on('close', (error?: Error) => {
        const requested = this.#state === 'closing' && this.#failure === undefined
        this.#state = 'closed'
        this.#watch?.stop()
        // For a close by the operator (320) amqplib emits only this event, without `error`.
        if (!requested) this.#failure ??= connectionFailure(error ?? new Error('closed'), where)
        // amqplib only ends its side and would wait for the peer to do the same.
        setTimeout(() => socket.destroy(), LINGER).unref()
        resolve(this.#failure === undefined ? { kind: 'requested' } : { kind: 'lost', error: this.#failure })
      })
    })
  }

  /** Reads and writes frames from now on, and looks for a silent peer. Called once the handshake is over. */
  handshakeOver(): void {
    if (this.#state !== 'open') return
    const writer = new FrameWriter(this.#raw, this.#socket, this.#amqplib.encodeMethod)
    this.#frames = { reader: new FrameReader(this.#raw, this.#socket), writer }
    this.#startWatch()
  }

  get writer(): FrameWriter {
    return this.#opened().writer
  }

  get failure(): TwqError | undefined {
    return this.#failure
  }

  get server(): ServerInfo {
    const { fields } = this.#raw.serverProperties
    return {
      product: String(fields.product ?? 'unknown'),
      version: String(fields.version ?? 'unknown'),
      heartbeat: this.#raw.heartbeat,
      frameMax: this.#raw.frameMax,
      address: this.#where,
      ...(typeof fields.cluster_name === 'string' && { cluster: fields.cluster_name }),
      ...(fields.platform === BUILT_IN_PLATFORM && { builtInFor: String(fields.project ?? '') }),
    }
  }

  get blocked(): string | undefined {
    return this.#blocked
  }

  onBlocked(listener: (reason: string | undefined) => void): () => void {
    this.#blockedListeners.add(listener)
    return () => this.#blockedListeners.delete(listener)
  }

  #startWatch(): void {
    if (this.#raw.heartbeat === 0) return
    const heartbeatMs = this.#raw.heartbeat * 1_000
    this.#watch = watchSilence({
      heartbeatMs,
      received: () => this.#socket.bytesRead,
      onSilence: () =>
        this.destroy(
          new TwqError(
            'TWQ_CONNECTION_LOST',
            `${this.#where} sent nothing for ${(2 * heartbeatMs) / 1_000} s, two heartbeats`,
          ),
        ),
    })
  }

  async openChannel(): Promise<Channel> {
    // A destroyed connection is not `closed` yet, and a request on it would never be answered.
    if (this.#state !== 'open' || this.#failure !== undefined) throw this.#over()
    const { Channel: RawChannel, methods } = this.#amqplib
    try {
      const raw = new RawChannel(this.#raw)
      const channel = new AmqpChannel(raw, this)
      pipeline(raw, methods)
      raw.allocate()
      const { reader } = this.#opened()
      reader.attach(raw.ch, channel)
      void channel.closed.then(() => reader.detach(raw.ch, channel))
      await Promise.all([
        raw.rpc(methods.ChannelOpen, { outOfBand: '' }, methods.ChannelOpenOk),
        raw.rpc(methods.ConfirmSelect, { nowait: false }, methods.ConfirmSelectOk),
      ])
      this.#channels.add(channel)
      void channel.closed.then(() => this.#channels.delete(channel))
      return channel
    } catch (error) {
      if (this.#state !== 'open' || this.#failure !== undefined) throw this.#over()
      throw new TwqError('TWQ_CHANNEL_CLOSED', `no channel could be opened: ${messageOf(error)}`, { cause: error })
    }
  }

  destroy(error: Error): void {
    if (this.#state === 'closed') return
    this.#failure ??= connectionFailure(error, this.#where)
    // With an error the socket tells amqplib, which then rejects every pending request.
    this.#socket.destroy(error)
  }

  /**
   * Closes the channels, so that what they have written arrives, then the connection. Waits a few seconds at most, and not at
   * all when the broker has blocked the connection, since it then reads nothing.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#blocked !== undefined) this.destroy(new Error(`closed while the broker blocked it: ${this.#blocked}`))
    const deadline = setTimeout(() => this.destroy(new Error('the close was not answered')), CLOSE_TIMEOUT).unref()
    await Promise.all([...this.#channels].map((channel) => channel[Symbol.asyncDispose]()))
    if (this.#state === 'open') {
      this.#state = 'closing'
      this.#raw.close()
    }
    await this.closed
    clearTimeout(deadline)
  }

  #opened() {
    if (this.#frames === undefined)
      throw new TwqError('TWQ_INTERNAL', 'a channel was opened before the handshake was over')
    return this.#frames
  }

  #over(): TwqError {
    return (
      this.#failure ?? new TwqError('TWQ_CONNECTION_LOST', `the connection to ${this.#where} was closed on this side`)
    )
  }

  #tellBlocked(reason: string | undefined): void {
    this.#blocked = reason
    for (const listener of this.#blockedListeners) {
      try {
        listener(reason)
      } catch (error) {
        this.onCallbackError(error)
      }
    }
  }
}
