import { randomUUID } from 'node:crypto'
import type { Channel, Delivery } from '../../broker/broker.ts'
import { oversizeIn } from '../../broker/message-size.ts'
import { messageOf } from '../../errors.ts'
import { highest, type Received, read } from '../state/inbox.ts'
import { MESSAGE_TYPES, schedulesMessage } from '../state/messages.ts'
import { setBack } from '../state/set-back.ts'
import { Leading, type LeadingParts } from './leading.ts'

/** Messages that are read before the marker returns: with so many the rest is read while leading. Fewer than the broker delivers at once. */
const MOST_BEFORE = 15_000

/**
 * One consumer of the queue of schedules. It leads once it is given a message: it reads until its own marker returns, goes on from the
 * state of the highest version, publishes and holds a state of its own, and sends what is due from then on, all on one channel. Its lead is
 * over with that channel.
 */
export class Lead {
  readonly #parts: LeadingParts
  readonly #channel: Channel
  readonly #id = randomUUID()
  #isMarked = false
  /** Read, and not taken yet. */
  #received: Received[] = []
  #leading: Leading | undefined
  #working: Promise<void> | undefined
  #over = false

  constructor(parts: LeadingParts, channel: Channel) {
    this.#parts = parts
    this.#channel = channel
    void channel.closed.then(() => this.#end('its channel was lost'))
  }

  /** Takes a message of the queue. */
  receive(delivery: Delivery): void {
    if (this.#over || this.#leading?.receive(delivery)) return
    if (!this.#isMarked) {
      this.#isMarked = true
      this.#mark().catch((error: unknown) => this.fail(error))
    }
    const one = read(delivery)
    this.#received.push(one)
    if (this.#leading !== undefined) {
      this.#work()
      return
    }
    const isOwnMarker = one.kind === 'marker' && delivery.properties.messageId === this.#id
    if (isOwnMarker || this.#received.length >= MOST_BEFORE) this.#takeOver()
  }

  /** Ends the lead, and the channel: another one gets the state. */
  fail(error: unknown): void {
    // Before all else: a message that is too large ends the channel, and the lead with it, before the publish is heard to have failed.
    const { limits } = this.#parts
    limits.largest = Math.min(limits.largest, oversizeIn(error)?.limit ?? limits.largest)
    if (this.#over) return
    this.#end(messageOf(error))
    void this.#channel[Symbol.asyncDispose]()
  }

  /** The broker has ended the consumer: the lead is over at once. */
  cancelled(): void {
    this.#end('the broker ended its consumer')
    void this.#channel[Symbol.asyncDispose]()
  }

  /** Ends the lead once what was sent is noted; the channel is to be closed after it. */
  async stop(): Promise<void> {
    if (!this.#over) await this.#leading?.finish().catch(() => {})
    this.#end(undefined)
  }

  async #mark(): Promise<void> {
    const message = schedulesMessage(MESSAGE_TYPES.marker, Buffer.alloc(0), { messageId: this.#id })
    await this.#channel.publish({ exchange: '', routingKey: this.#parts.queue }, message)
  }

  #takeOver(): void {
    const { namespace, logger, log, clock } = this.#parts
    const state = highest(this.#received)
    const ahead = setBack(state, clock.now())
    if (ahead > 0) log.setBack(ahead)
    const fail = (error: unknown): void => this.fail(error)
    const leading = new Leading(this.#parts, { channel: this.#channel, state, leader: this.#id, fail })
    this.#leading = leading
    this.#work(() => {
      logger.info({ event: 'schedules.leading', namespace, entries: state.entries.size }, 'leading the schedules')
      leading.begin()
    })
  }

  #work(done?: () => void): void {
    if (this.#working !== undefined) return
    this.#working = this.#takeAll(this.#leading as Leading, done)
      .catch((error: unknown) => this.fail(error))
      .finally(() => {
        this.#working = undefined
      })
  }

  async #takeAll(leading: Leading, done: (() => void) | undefined): Promise<void> {
    while (this.#received.length > 0 && !this.#over) await leading.take(this.#received.splice(0))
    if (!this.#over) done?.()
  }

  #end(reason: string | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#received = []
    if (this.#leading === undefined) return
    this.#leading.end()
    const { logger } = this.#parts
    if (reason === undefined) logger.info({ event: 'schedules.ended', reason: 'it stops' }, ENDED)
    else logger.warn({ event: 'schedules.ended', reason }, ENDED)
  }
}

const ENDED = 'leading the schedules no more'
