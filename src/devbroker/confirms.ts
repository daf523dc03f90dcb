/** How confirms are sent. */
interface ConfirmSender {
  /** Calls `flush` once the bytes at hand have been dealt with. */
  afterBatch(flush: () => void): void
  ack(deliveryTag: number, multiple: boolean): void
  nack(deliveryTag: number): void
}

/** Confirms publishes in their order: those of one batch leave as one `basic.ack`; a nack is preceded by the acks before it. */
export class Confirms {
  readonly #sender: ConfirmSender
  #confirmed = 0
  #sent = 0
  #ended = false

  constructor(sender: ConfirmSender) {
    this.#sender = sender
  }

  /** The publish with this tag was taken, or refused. Tags ascend. */
  add(publishTag: number, taken: boolean): void {
    if (taken) {
      if (this.#confirmed === this.#sent) this.#sender.afterBatch(() => this.flush())
      this.#confirmed = publishTag
      return
    }
    this.flush()
    this.#sender.nack(publishTag)
    this.#confirmed = publishTag
    this.#sent = publishTag
  }

  /** Sends what is confirmed and not sent yet. */
  flush(): void {
    if (this.#confirmed === this.#sent || this.#ended) return
    const multiple = this.#confirmed - this.#sent > 1
    this.#sent = this.#confirmed
    this.#sender.ack(this.#confirmed, multiple)
  }

  /** Sends nothing more. */
  end(): void {
    this.#ended = true
  }
}
