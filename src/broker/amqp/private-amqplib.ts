import type { EventEmitter } from 'node:events'
import { dirname, join, sep } from 'node:path'
import type { Duplex } from 'node:stream'
import type { ConfirmChannel, Options, Replies } from 'amqplib'
import { TwqError } from '../../errors.ts'
import { type DecodedTable, decodeFieldTable } from '../../protocol/headers/decode-field-table.ts'
import { encodeFieldTable } from '../../protocol/headers/encode-field-table.ts'
import { requireOwn } from '../../runtime/own-package.ts'
import type { ReceivedMessage } from './received-message.ts'

/** The one version whose inner modules we know. */
const VERSION = '2.3.1'

/** amqplib's connection, below its public interface. */
export interface RawConnection extends EventEmitter {
  readonly serverProperties: DecodedTable
  /** Seconds, as negotiated; 0 is off. */
  readonly heartbeat: number
  readonly frameMax: number
  /** Bytes; larger frames are not read. */
  readonly maxFrameSize: number
  /** The beginning of a frame. */
  rest: Buffer
  /** For heartbeats: whether anything was sent, or received, lately. */
  sentSinceLastCheck: boolean
  recvSinceLastCheck: boolean
  sendMethod(channel: number, method: number, fields: object): boolean
  sendBytes(bytes: Buffer): void
  /** Acts on a frame. */
  accept(frame: RawFrame): void
  open(fields: OpenFields, done: (error: Error | null) => void): void
  close(done?: (error: Error | null) => void): void
  recvFrame(): RawFrame | false
}

/** The fields that the opening handshake sends. */
export interface OpenFields {
  readonly clientProperties: Readonly<Record<string, unknown>>
  readonly mechanism: string
  readonly response: Buffer
  readonly locale: string
  readonly channelMax: number
  readonly frameMax: number
  readonly heartbeat: number
  readonly virtualHost: string
  readonly capabilities: string
  readonly insist: boolean
}

/** One decoded frame; only methods have an `id`. */
export interface RawFrame {
  readonly id?: number
  readonly fields?: Readonly<Record<string, unknown>>
}

/** amqplib's channel with the steps that its public interface does in one go. */
export interface RawChannel extends Omit<ConfirmChannel, 'consume'> {
  /** Its number. */
  readonly ch: number
  /** By tag, what `consume` was given, from the broker's confirm until the end of the consumer. */
  readonly consumers: ReadonlyMap<string, Receive>
  consume(queue: string, receive: Receive, options: Options.Consume): Promise<Replies.Consume>
  /** Hears of each consumer that the broker has ended. */
  dispatchMessage(fields: { readonly consumerTag: string }, ended: null): void
  /** Takes a free number on the connection. */
  allocate(): unknown
  rpc(method: number, fields: object, expect: number): Promise<unknown>
  sendImmediately(method: number, fields: object): void
  /** How `rpc` sends. */
  sendOrEnqueue(method: number, fields: object, reply: RawReply): void
  /** Gets the next answer. */
  reply: RawReply | null
}

/** Gets what is delivered to a consumer, and `null` when the broker has ended it. */
export type Receive = (message: ReceivedMessage | null) => void

/** Takes a frame: the answer, or as an error the one that closed the channel. An `Error` ends all waiting. */
export type RawReply = (error: RawFrame | Error | null, frame?: RawFrame) => void

/** The numbers of the methods that we name, as `class << 16 | method`. */
export interface Methods {
  readonly ChannelOpen: number
  readonly ChannelOpenOk: number
  readonly ConfirmSelect: number
  readonly ConfirmSelectOk: number
  readonly ConnectionClose: number
  readonly ExchangeDeclare: number
  readonly ExchangeBind: number
  readonly QueueDeclare: number
  readonly QueueBind: number
  readonly BasicQos: number
}

/** How amqplib encodes the frame of a method. */
export type EncodeMethod = (method: number, channel: number, fields: object) => Buffer

/** amqplib with our table codec, apart from any copy that the application uses. */
export interface PrivateAmqplib {
  readonly Connection: new (socket: Duplex) => RawConnection
  readonly Channel: new (connection: RawConnection) => RawChannel
  readonly methods: Methods
  readonly encodeMethod: EncodeMethod
}

/** The parts of amqplib's `lib/defs.js` that we use. */
interface Definitions extends Methods {
  readonly BasicProperties: number
  readonly encodeMethod: EncodeMethod
  encodeProperties(id: number, channel: number, size: number, fields: object): Buffer
  decode(id: number, bytes: Buffer): { readonly headers?: DecodedTable }
}

let loaded: PrivateAmqplib | undefined

/**
 * Loads the private copy, once. It keeps no call stack of each channel and connection that closes: nothing reads them, and for the first
 * ones V8 compiles every function on the stack a second time, to know its lines. Throws `TWQ_INTERNAL` when it is not the
 * amqplib we know, or would not use our codec.
 */
export function privateAmqplib(): PrivateAmqplib {
  loaded ??= load()
  return loaded
}

function load(): PrivateAmqplib {
  const require = requireOwn
  const root = dirname(require.resolve('amqplib'))
  const inside = (path: string): boolean => path.startsWith(root + sep)
  const take = (): [string, NodeJS.Module | undefined][] => {
    const entries = Object.entries(require.cache).filter(([path]) => inside(path))
    for (const [path] of entries) delete require.cache[path]
    return entries
  }

  // amqplib's modules bind the functions of others when they load, so what is replaced must be replaced first; and the
  // application's own amqplib must neither be found changed nor be the one that we get.
  const theirs = take()
  try {
    const { version } = require(join(root, 'package.json')) as { version: string }
    if (version !== VERSION) throw broken(`amqplib ${version} is installed`)
    const codec = require(join(root, 'lib', 'codec.js')) as Record<string, unknown>
    codec.encodeTable = encodeFieldTable
    codec.decodeFields = decodeFieldTable
    const errors = require(join(root, 'lib', 'error.js')) as { stackCapture: (reason: string) => string }
    errors.stackCapture = (reason) => reason
    const definitions = require(join(root, 'lib', 'defs.js')) as Definitions
    verifyCodec(definitions)
    return {
      Connection: require(join(root, 'lib', 'connection.js')).Connection,
      Channel: require(join(root, 'lib', 'channel_model.js')).ConfirmChannel,
      methods: definitions,
      encodeMethod: definitions.encodeMethod,
    }
  } finally {
    take()
    for (const [path, module] of theirs) require.cache[path] = module
  }
}

// Sends an integer that amqplib writes as `l`, and reads one that only our codec understands.
function verifyCodec(definitions: Definitions): void {
  const HEADER_FRAME_OVERHEAD = 19
  const probe = 2 ** 40
  const frame = definitions.encodeProperties(definitions.BasicProperties, 1, 0, { headers: { probe, small: 300 } })
  const properties = frame.subarray(HEADER_FRAME_OVERHEAD, -1)
  const tag = properties.indexOf('probe') + 'probe'.length
  properties[tag] = 'L'.charCodeAt(0)
  const { headers } = definitions.decode(definitions.BasicProperties, properties)
  const written = properties.includes(Buffer.from([...Buffer.from('smallI'), 0, 0, 1, 44]))
  if (headers?.fields?.probe !== probe || !written) throw broken('amqplib does not use the table codec given to it')
}

function broken(what: string): TwqError {
  return new TwqError('TWQ_INTERNAL', `${what}, and twq works with amqplib ${VERSION} only`, {
    hint: 'Remove any override of amqplib from package.json and install again: npm install',
  })
}
