import type { Message } from 'amqplib'
import { Acknowledgements } from './acknowledgements.ts'
import type { Answer, ConsumerCredit } from './consumer-credit.ts'
import type { SettlingChannel } from './delivery.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { RawChannel } from './private-amqplib.ts'

/**
 * Answers the deliveries of one channel: acknowledgements are collected for a turn of the event loop, and written as few frames. Those for
 * one consumer can be held back.
 */
export class Answers implements SettlingChannel {
  readonly #raw: RawChannel
  readonly #writer: FrameWriter
  readonly #acknowledgements = new Acknowledgements()
  /** The consumers whose answers are held back. */
  readonly #withholding = new Set<ConsumerCredit>()
  #flushScheduled = false
  #open = true

  constructor(raw: RawChannel, writer: FrameWriter) {
    this.#raw = raw
    this.#writer = writer
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** Deliveries without an answer, and those whose answer is held back. */
  get unsettled(): number {
    return this.#acknowledgements.unsettled
  }

  delivered(tag: number, credit?: ConsumerCredit): void {
    this.#acknowledgements.delivered(tag)
    credit?.delivered()
  }

  ack(tag: number, credit?: ConsumerCredit): boolean {
    if (!this.#open) return false
    const withheld = this.#keepBack(tag, 'ack', credit)
    if (withheld !== undefined) return withheld
    if (!this.#acknowledgements.ack(tag)) return false
    credit?.settled()
    if (!this.#flushScheduled) {
      this.#flushScheduled = true
      this.#writer.beforeFlush(this.#flushCollected)
    }
    return true
  }

  nack(tag: number, requeue: boolean, credit?: ConsumerCredit): boolean {
    if (!this.#open) return false
    const withheld = this.#keepBack(tag, requeue ? 'requeue' : 'drop', credit)
    if (withheld !== undefined) return withheld
    if (!this.#acknowledgements.nack(tag)) return false
    credit?.settled()
    return this.refuse(tag, requeue)
  }

  /** Nacks a delivery whose consumer is not known here. False where the connection is closing. */
  refuse(tag: number, requeue: boolean): boolean {
    try {
      this.#raw.nack(tagged(tag), false, requeue)
      return true
    } catch {
      // amqplib refuses to send, and the broker takes the message back.
      return false
    }
  }

  /** Holds back the answers to a consumer's deliveries; resolves when the consumer is `exhausted`, or on `release`. */
  withhold(credit: ConsumerCredit): Promise<void> {
    this.#withholding.add(credit)
    return credit.withhold()
  }

  /** Gives the answers that were held back for a consumer. */
  release(credit: ConsumerCredit): void {
    if (!this.#withholding.delete(credit)) return
    for (const [tag, answer] of credit.release()) {
      if (answer === 'ack') this.ack(tag, credit)
      else this.nack(tag, answer === 'requeue', credit)
    }
  }

  releaseAll(): void {
    for (const credit of this.#withholding) this.release(credit)
  }

  /** Writes all answers, collected and held back; sends nothing afterwards. */
  close(): void {
    this.releaseAll()
    this.#flush()
    this.#open = false
  }

  /** The channel is gone: nothing can be sent. */
  lost(): void {
    this.#open = false
    this.releaseAll()
  }

  /** Undefined when the answer is to be given now; else whether it is the first for its delivery. */
  #keepBack(tag: number, answer: Answer, credit: ConsumerCredit | undefined): boolean | undefined {
    if (this.#withholding.size === 0 || !this.#acknowledgements.awaits(tag)) return undefined
    return credit?.keepBack(tag, answer)
  }

  readonly #flushCollected = (): void => {
    this.#flushScheduled = false
    this.#flush()
  }

  #flush(): void {
    if (!this.#open) return
    this.#acknowledgements.flush((tag, multiple) => this.#writer.ack(this.#raw.ch, tag, multiple))
  }
}

// amqplib takes a whole message to reject, and reads one field of it.
function tagged(deliveryTag: number): Message {
  return { fields: { deliveryTag } } as Message
}
