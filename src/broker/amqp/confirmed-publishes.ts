import { randomBytes } from 'node:crypto'
import type { Message } from 'amqplib'
import { TwqError } from '../../errors.ts'
import type { Route, WireMessage } from '../../protocol/wire.ts'
import type { PublishListener } from '../broker.ts'
import { exchangeNamed, readRefusal } from '../failures.ts'
import { oversizeError, oversizeIn } from '../message-size.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { RawChannel } from './private-amqplib.ts'
import { type Unconfirmed, UnconfirmedPublishes } from './unconfirmed.ts'

/** Publishes on one confirm channel, and settles each publish by the broker's confirm, nack or return. */
export class ConfirmedPublishes {
  readonly #raw: RawChannel
  readonly #writer: FrameWriter
  readonly #onListenerError: (error: unknown) => void
  readonly #unconfirmed = new UnconfirmedPublishes()
  // Short, since it goes with each message; random, since a message's own id may be anything.
  readonly #messageIdPrefix = randomBytes(6).toString('base64url')
  #messageIds = 0

  /** `onListenerError` gets what a listener throws; the other listeners are called all the same. */
  constructor(raw: RawChannel, writer: FrameWriter, onListenerError: (error: unknown) => void) {
    this.#raw = raw
    this.#writer = writer
    this.#onListenerError = onListenerError
    // amqplib's own listener counts only what was published through amqplib.
    raw.removeAllListeners('nack')
    raw.on('nack', ({ deliveryTag, multiple }) => this.#unconfirmed.settle(deliveryTag, multiple, this.#nacked))
    raw.on('return', (message) => this.#returned(message))
  }

  /** Writes a message and tells `listener` of its confirm. Throws as {@link FrameWriter.publish}, when nothing was written. */
  publish(route: Route, message: WireMessage, mandatory: boolean, listener: PublishListener): void {
    const { properties, body } = message
    // A returned message is recognised by its id, so a mandatory one needs one.
    const messageId = properties.messageId ?? (mandatory ? `${this.#messageIdPrefix}.${++this.#messageIds}` : undefined)
    this.#writer.publish(this.#raw.ch, { route, message, messageId, mandatory })
    this.#unconfirmed.add({ route, size: body.length, messageId, mandatory, returned: false, listener })
  }

  /** The broker answered for the publish with this tag; with `multiple` for all before it, too. */
  confirmed(deliveryTag: number, multiple: boolean): void {
    this.#unconfirmed.settle(deliveryTag, multiple, this.#confirm)
  }

  /**
   * Rejects every unconfirmed publish of a channel that `reason` ended. A publish to an exchange that is missing or
   * forbidden, or of a message that is too large, closes the channel: the publishes like it reject with that reason, the
   * others with `TWQ_CHANNEL_CLOSED`.
   */
  rejectAll(reason: TwqError): void {
    const refused = TwqError.is(reason, 'TWQ_QUEUE_MISSING', 'TWQ_BROKER_PERMISSION')
    const exchange = refused ? exchangeNamed(readRefusal(reason.cause)?.text ?? '') : undefined
    const limit = oversizeIn(reason)?.limit
    const gone =
      refused || limit !== undefined
        ? new TwqError('TWQ_CHANNEL_CLOSED', `the channel was closed: ${reason.message}`, { cause: reason })
        : reason
    for (const publish of this.#unconfirmed.drain()) {
      const { route, size } = publish
      if (limit !== undefined && size > limit) this.#refuse(publish, oversizeError({ size, limit }, reason.cause))
      else this.#refuse(publish, exchange !== undefined && route.exchange === exchange ? reason : gone)
    }
  }

  readonly #confirm = ({ listener, returned }: Unconfirmed): void => {
    try {
      listener.confirmed(returned ? 'returned' : 'confirmed')
    } catch (error) {
      this.#onListenerError(error)
    }
  }

  readonly #nacked = (publish: Unconfirmed): void => this.#refuse(publish, nackError(publish.route))

  #refuse({ listener }: Unconfirmed, error: TwqError): void {
    try {
      listener.refused(error)
    } catch (thrown) {
      this.#onListenerError(thrown)
    }
  }

  #returned(message: Message): void {
    const { exchange, routingKey } = message.fields
    this.#unconfirmed.returned(message.properties.messageId as string | undefined, { exchange, routingKey })
  }
}

function nackError(route: Route): TwqError {
  return new TwqError('TWQ_PUBLISH_REFUSED', `the broker refused a message to ${describeRoute(route)}`, {
    hint: 'A queue with a length limit and overflow reject-publish is full, or a queue is unavailable.',
  })
}

function describeRoute({ exchange, routingKey }: Route): string {
  return exchange === '' ? `queue "${routingKey}"` : `exchange "${exchange}" with routing key "${routingKey}"`
}
