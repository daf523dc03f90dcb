import { type Deferred, deferred } from '../../runtime/time/deferred.ts'

/** The answer to a delivery: an acknowledgement, or a nack with or without requeue. */
export type Answer = 'ack' | 'requeue' | 'drop'

/**
 * Counts the unsettled deliveries of one consumer against its prefetch limit. At the limit the broker sends it nothing. Answers can be
 * held back until the limit is reached.
 */
export class ConsumerCredit {
  /** The broker took back what is not settled, though the channel is open. */
  disowned = false
  readonly #limit: number
  #unsettled = 0
  #withheld: Map<number, Answer> | undefined
  #awaited: Deferred<void> | undefined

  /** A limit of 0 is none. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Deliveries without an answer, and those whose answer is held back. */
  get unsettled(): number {
    return this.#unsettled
  }

  disown(): void {
    this.disowned = true
  }

  /** How many more the broker may send. */
  get room(): number {
    return this.#limit === 0 ? Number.POSITIVE_INFINITY : Math.max(this.#limit - this.#unsettled, 0)
  }

  /** True while there is no room and answers are held back: the broker has nothing on its way to it. */
  get exhausted(): boolean {
    return this.#withheld !== undefined && this.room === 0
  }

  delivered(): void {
    this.#unsettled += 1
    if (this.exhausted) this.#awaited?.resolve()
  }

  /** One is answered, and the answer is not held back. */
  settled(): void {
    this.#unsettled -= 1
  }

  /** From now on answers are held back; resolves when it is `exhausted`, or with `release`. */
  withhold(): Promise<void> {
    this.#withheld ??= new Map()
    this.#awaited ??= deferred()
    if (this.exhausted) this.#awaited.resolve()
    return this.#awaited.promise
  }

  /** Undefined where answers are not held back; else whether this one is the first for its delivery. */
  keepBack(tag: number, answer: Answer): boolean | undefined {
    if (this.#withheld === undefined) return undefined
    if (this.#withheld.has(tag)) return false
    this.#withheld.set(tag, answer)
    return true
  }

  /** Stops holding answers back, and returns the held ones in their order. */
  release(): ReadonlyMap<number, Answer> {
    const withheld = this.#withheld
    this.#withheld = undefined
    this.#awaited?.resolve()
    this.#awaited = undefined
    return withheld ?? new Map()
  }
}
