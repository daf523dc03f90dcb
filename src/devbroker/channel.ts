import { type ChannelClient, type Handout, ServerChannel } from '../broker/memory/channel.ts'
import { createMessage, type Message } from '../broker/memory/message.ts'
import { notImplemented, preconditionFailed, REPLY, Refusal } from '../broker/memory/refusal.ts'
import type { VirtualHost } from '../broker/memory/vhost.ts'
import { Assembly, type Published } from './assembly.ts'
import { Confirms } from './confirms.ts'
import { channelError, MethodFailure, NO_METHOD, resourceError, unexpectedFrame } from './errors.ts'
import { contentFrames, FRAME, type Frame, methodFrame } from './frames.ts'
import type { Method, MethodArguments, MethodName } from './methods.ts'
import { changeTopology } from './topology.ts'
import { decodeMethod, methodId } from './values.ts'

/** The connection, as its channels use it. */
export interface ChannelOwner {
  readonly vhost: VirtualHost
  readonly user: string
  readonly frameMax: number
  /** The longest body accepted, of one message and of all incomplete ones on the connection. */
  readonly maxMessageBytes: number
  /** False while the client does not read what it is sent. */
  readonly writable: boolean
  /** Whether the client knows that the broker may cancel consumers. */
  readonly hearsCancels: boolean
  write(frames: readonly Buffer[]): void
  /** A message is about to enter the broker. */
  publishing(): void
  /** Bytes of incomplete messages on all channels. */
  incompleteBytes(): number
  /** The bound on incomplete messages of all connections, when they are beyond it. */
  tooMuchIncomplete(): number | undefined
  /** Calls `flush` once the bytes at hand have been dealt with. */
  afterBatch(flush: () => void): void
  /** The client has closed the channel, or agreed that it is closed. */
  channelGone(number: number): void
}

/** One channel of a connection: AMQP methods in, calls on the routing engine, AMQP methods out. */
export class Channel implements ChannelClient {
  readonly #number: number
  readonly #owner: ChannelOwner
  readonly #engine: ServerChannel
  #closing = false
  #assembly: Assembly | undefined
  readonly #confirms: Confirms

  constructor(number: number, owner: ChannelOwner) {
    this.#number = number
    this.#owner = owner
    this.#engine = new ServerChannel(owner.vhost, owner, this)
    this.#confirms = new Confirms({
      afterBatch: (flush) => owner.afterBatch(flush),
      ack: (deliveryTag, multiple) => this.#send('basic.ack', { deliveryTag, multiple }),
      nack: (deliveryTag) => this.#send('basic.nack', { deliveryTag, multiple: false, requeue: false }),
    })
  }

  /** Bytes of the incomplete message on this channel. */
  get incompleteBytes(): number {
    return this.#assembly?.held ?? 0
  }

  get ready(): boolean {
    return this.#owner.writable
  }

  /** Takes one frame. Throws a refusal when the whole connection must end; a smaller one ends this channel alone. */
  receive(frame: Frame): void {
    if (this.#closing) {
      this.#receiveWhileClosing(frame)
      return
    }
    let id: readonly [number, number] = PUBLISH
    try {
      if (this.#assembly !== undefined) {
        this.#assemble(this.#assembly, frame)
        return
      }
      id = NO_METHOD
      if (frame.type !== FRAME.method) throw unexpectedFrame('expected method frame, got non method frame instead')
      id = methodId(frame.payload)
      this.#handle(decodeMethod(frame.payload))
    } catch (error) {
      if (!(error instanceof Refusal) || !error.endsChannelOnly) throw new MethodFailure(error, id)
      this.#fail(error, id)
    }
  }

  /** Serves the consumers again after the connection became writable. */
  resume(): void {
    if (!this.#closing) this.#engine.resume()
  }

  /** The connection or the client is done with this channel: what it had in hand goes back to the queues. */
  close(): void {
    this.#assembly = undefined
    this.#engine.close()
  }

  deliver(consumerTag: string, { deliveryTag, redelivered, message }: Handout): void {
    const { exchange } = message
    const [routingKey] = message.routingKeys
    this.#sendContent(
      methodFrame(this.#number, 'basic.deliver', { consumerTag, deliveryTag, redelivered, exchange, routingKey }),
      message,
    )
  }

  consumerCancelled(consumerTag: string): void {
    if (this.#owner.hearsCancels) this.#send('basic.cancel', { consumerTag, noWait: true })
  }

  returned(message: Message): void {
    const { exchange } = message
    const [routingKey] = message.routingKeys
    const fields = { replyCode: REPLY.noRoute, replyText: 'NO_ROUTE', exchange, routingKey }
    this.#sendContent(methodFrame(this.#number, 'basic.return', fields), message)
  }

  confirmed(publishTag: number, taken: boolean): void {
    this.#confirms.add(publishTag, taken)
  }

  #handle(method: Method): void {
    const engine = this.#engine
    switch (method.name) {
      case 'basic.publish': {
        this.#assembly = new Assembly(method.arguments)
        return
      }
      case 'basic.ack':
        engine.ack(method.arguments.deliveryTag, method.arguments.multiple)
        return
      case 'basic.nack':
        engine.nack(method.arguments.deliveryTag, method.arguments)
        return
      case 'basic.reject':
        engine.nack(method.arguments.deliveryTag, { multiple: false, requeue: method.arguments.requeue })
        return
      case 'basic.get':
        this.#get(method.arguments)
        return
      case 'basic.consume':
        this.#consume(method.arguments)
        return
      case 'basic.cancel': {
        const { consumerTag, noWait } = method.arguments
        engine.cancel(consumerTag)
        this.#reply(noWait, 'basic.cancel-ok', { consumerTag })
        return
      }
      case 'basic.qos': {
        const { prefetchSize, prefetchCount, global } = method.arguments
        if (prefetchSize !== 0) throw notImplemented(`prefetch_size!=0 (${prefetchSize})`)
        this.#send('basic.qos-ok', {})
        engine.qos(prefetchCount, global ? 'channel' : 'consumer')
        return
      }
      case 'basic.recover':
      case 'basic.recover-async':
        if (!method.arguments.requeue) throw notImplemented('requeue=false')
        if (method.name === 'basic.recover') this.#send('basic.recover-ok', {})
        engine.recover()
        return
      case 'confirm.select':
        engine.confirmSelect()
        this.#reply(method.arguments.noWait, 'confirm.select-ok', {})
        return
      case 'channel.open':
        throw channelError("second 'channel.open' seen")
      case 'channel.flow':
        if (!method.arguments.active) throw notImplemented('active=false')
        this.#send('channel.flow-ok', { active: true })
        return
      case 'channel.close':
        this.#confirms.flush()
        this.close()
        this.#send('channel.close-ok', {})
        this.#owner.channelGone(this.#number)
        return
      case 'tx.select':
      case 'tx.commit':
      case 'tx.rollback':
        throw notImplemented('transactions')
      default:
        changeTopology(method, {
          engine,
          owner: this.#owner,
          reply: (noWait, name, values) => this.#reply(noWait, name, values),
        })
    }
  }

  #assemble(assembly: Assembly, frame: Frame): void {
    const published = assembly.add(frame)
    const { announced } = assembly
    const { maxMessageBytes } = this.#owner
    if (announced > maxMessageBytes) {
      throw preconditionFailed(`message size ${announced} is larger than configured max size ${maxMessageBytes}`)
    }
    if (published !== undefined) {
      this.#assembly = undefined
      this.#publish(published)
    } else if (this.#owner.incompleteBytes() > maxMessageBytes) {
      throw resourceError(`incomplete messages of more than ${maxMessageBytes} bytes on one connection`)
    } else {
      const most = this.#owner.tooMuchIncomplete()
      if (most !== undefined) throw resourceError(`incomplete messages of more than ${most} bytes on all connections`)
    }
  }

  #publish({ publish, properties, headers, body }: Published): void {
    const { exchange, routingKey, mandatory, immediate } = publish
    const { userId } = properties
    if (immediate) throw notImplemented('immediate=true')
    if (userId !== undefined && userId !== this.#owner.user) {
      throw preconditionFailed(`user_id property set to '${userId}' but authenticated user was '${this.#owner.user}'`)
    }
    this.#owner.vhost.exchange(exchange)
    this.#owner.publishing()
    this.#engine.publish(createMessage({ exchange, routingKey, properties, headers, body }), { mandatory })
  }

  #get({ queue, noAck }: MethodArguments<'basic.get'>): void {
    const got = this.#engine.get(queue, { noAck })
    if (got === undefined) {
      this.#send('basic.get-empty', { reserved1: '' })
      return
    }
    const { message, deliveryTag, redelivered } = got.handout
    const fields = {
      deliveryTag,
      redelivered,
      exchange: message.exchange,
      routingKey: message.routingKeys[0],
      messageCount: got.left,
    }
    this.#sendContent(methodFrame(this.#number, 'basic.get-ok', fields), message)
  }

  #consume(request: MethodArguments<'basic.consume'>): void {
    const { consumerTag, start } = this.#engine.consume(request)
    this.#reply(request.noWait, 'basic.consume-ok', { consumerTag })
    start()
  }

  #receiveWhileClosing(frame: Frame): void {
    if (frame.type !== FRAME.method) return
    const [classId, method] = methodId(frame.payload)
    const isClose = classId === 20 && method === 40
    const isCloseOk = classId === 20 && method === 41
    if (isClose) this.#send('channel.close-ok', {})
    if (isCloseOk) this.#owner.channelGone(this.#number)
  }

  #fail(refusal: Refusal, [classId, method]: readonly [number, number]): void {
    this.#confirms.flush()
    this.#confirms.end()
    this.#closing = true
    const fields = { replyCode: refusal.code, replyText: refusal.message, classId, methodId: method }
    this.#send('channel.close', fields)
    this.close()
  }

  #reply<Name extends MethodName>(noWait: boolean, name: Name, values: MethodArguments<Name>): void {
    if (!noWait) this.#send(name, values)
  }

  #send<Name extends MethodName>(name: Name, values: MethodArguments<Name>): void {
    this.#owner.write([methodFrame(this.#number, name, values)])
  }

  #sendContent(method: Buffer, message: Message): void {
    this.#owner.write([method, ...contentFrames(this.#number, message, this.#owner.frameMax)])
  }
}

const PUBLISH: readonly [number, number] = [60, 40]
