// So many tags have one `Set`, for the reason that ShortLivedMap tells.
const LIFE = 4_096

/**
 * Which deliveries of one channel still await an answer, and how to write the collected acknowledgements in few frames:
 * one `multiple` ack over the settled beginning, the others singly. Pure: it writes nothing itself.
 *
 * A nack is written by the caller at once, before any later `multiple` ack that passes over it, so the broker has
 * settled that tag already. RabbitMQ wants the tag of a `multiple` ack itself to be unsettled, so it is always an acked one.
 */
export class Acknowledgements {
  /** In the order of delivery, which is ascending: the first is the oldest. */
  #unsettled = new Set<number>()
  #untilAnother = LIFE
  #unwritten: number[] = []

  /** Deliveries without an answer. */
  get unsettled(): number {
    return this.#unsettled.size
  }

  /** True when `flush` has something to write. */
  get pending(): boolean {
    return this.#unwritten.length > 0
  }

  delivered(tag: number): void {
    this.#unsettled.add(tag)
    this.#untilAnother -= 1
    if (this.#untilAnother > 0) return
    this.#unsettled = new Set(this.#unsettled)
    this.#untilAnother = LIFE + this.#unsettled.size
  }

  /** False when the tag was settled before. */
  awaits(tag: number): boolean {
    return this.#unsettled.has(tag)
  }

  /** False when the tag was settled before. */
  ack(tag: number): boolean {
    if (!this.#unsettled.delete(tag)) return false
    this.#unwritten.push(tag)
    return true
  }

  /** False when the tag was settled before; else the caller writes the nack now. */
  nack(tag: number): boolean {
    return this.#unsettled.delete(tag)
  }

  /** Passes every collected acknowledgement to `write`: first the `multiple` one over the settled beginning, then the single ones. */
  flush(write: (tag: number, multiple: boolean) => void): void {
    const acked = this.#unwritten
    if (acked.length === 0) return
    this.#unwritten = []
    const oldest: number = this.#unsettled.values().next().value ?? Number.POSITIVE_INFINITY
    let last = 0
    let covered = 0
    for (const tag of acked) {
      if (tag > oldest) continue
      covered += 1
      if (tag > last) last = tag
    }
    if (covered > 0) write(last, covered > 1)
    if (covered === acked.length) return
    for (const tag of acked) if (tag > oldest) write(tag, false)
  }
}
