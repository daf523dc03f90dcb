import type { Clock, Timer } from '../../runtime/time/clock.ts'
import { costOfMessage } from './budget.ts'
import { type Consumer, Consumers } from './consumers.ts'
import type { DeathReason } from './dead-letters.ts'
import { type Message, ownTtl } from './message.ts'
import type { QueueDeclaration, QueueSettings } from './queue-settings.ts'
import { type Entry, ReadyMessages } from './ready-messages.ts'
import { accessRefused } from './refusal.ts'

/** The parts that a queue works with. */
export interface QueueSurroundings {
  readonly clock: Clock
  /** Whose connection an exclusive queue belongs to. */
  readonly owner: object | undefined
  /** How errors call it: `queue 'x' in vhost '/'`. */
  readonly title: string
  /** A message ends here other than by being consumed. */
  onDead(message: Message, reason: DeathReason): void
  /** It has no consumer any more, or was not used for long enough: `autoDelete` or `x-expires` deletes it. */
  onUnused(): void
  /** The bytes that it holds, ready or unacknowledged, changed. */
  onHeld(bytes: number): void
}

/** One queue: its ready messages, its consumers, and its expiry. */
export class Queue {
  readonly declaration: QueueDeclaration
  readonly settings: QueueSettings
  readonly #around: QueueSurroundings
  readonly #ready = new ReadyMessages()
  readonly #consumers: Consumers
  #nextPosition = 0
  #held = 0
  #closed = false
  #serving = false
  #expiry: { readonly timer: Timer; readonly at: number } | undefined
  #disuse: Timer | undefined

  constructor(declaration: QueueDeclaration, settings: QueueSettings, around: QueueSurroundings) {
    this.declaration = declaration
    this.settings = settings
    this.#around = around
    this.#consumers = new Consumers(settings.singleActiveConsumer)
    this.touch()
  }

  get name(): string {
    return this.declaration.name
  }

  get owner(): object | undefined {
    return this.#around.owner
  }

  get title(): string {
    return this.#around.title
  }

  /** Messages ready for delivery. */
  get ready(): number {
    return this.#ready.count
  }

  get consumers(): number {
    return this.#consumers.count
  }

  /** Takes a message in; false when the queue is full and refuses more. */
  publish(message: Message): boolean {
    if (this.settings.overflow !== 'drop-head' && !this.#hasRoomFor(message)) {
      if (this.settings.overflow === 'reject-publish-dlx') this.#around.onDead(message, 'maxlen')
      return false
    }
    const entry: Entry = {
      message,
      level: this.#levelOf(message),
      position: this.#nextPosition++,
      expiresAt: this.#around.clock.monotonic() + Math.min(this.settings.messageTtl, ownTtl(message)),
      returns: 0,
      cost: costOfMessage(message),
    }
    this.#hold(entry.cost)
    this.#ready.add([entry])
    this.serve(entry)
    return true
  }

  /** Takes the next message for a `basic.get`. */
  take(): Entry | undefined {
    this.touch()
    this.#dropExpired()
    return this.#ready.shift()
  }

  /** These were consumed. */
  acknowledge(entries: readonly Entry[]): void {
    this.#release(entries)
  }

  /** These come back: to their old places, or to the head of a quorum queue, which also counts how often. */
  requeue(entries: readonly Entry[]): void {
    if (this.#closed) return
    const back = entries.map((entry) => ({ ...entry, returns: entry.returns + 1 }))
    const spent = back.filter((entry) => entry.returns > this.settings.deliveryLimit)
    this.#bury(spent, 'delivery_limit')
    const alive = back.filter((entry) => entry.returns <= this.settings.deliveryLimit)
    this.#ready.add(this.settings.type === 'quorum' ? alive.map((entry) => this.#atReturnLevel(entry)) : alive)
    this.serve()
  }

  /** These were refused for good. */
  reject(entries: readonly Entry[]): void {
    if (!this.#closed) this.#bury(entries, 'rejected')
  }

  /** Drops what is ready; returns how much that was. */
  purge(): number {
    const count = this.#ready.count
    this.#hold(-this.#ready.cost)
    this.#ready.clear()
    return count
  }

  /** Throws a refusal where exclusive use by one forbids it. Deliveries begin with the next `serve`. */
  addConsumer(consumer: Consumer): void {
    if (this.#consumers.takenExclusively || (consumer.exclusive && this.#consumers.count > 0)) {
      throw accessRefused(`${this.title} in exclusive use`)
    }
    this.#consumers.add(consumer)
  }

  removeConsumer(consumer: Consumer): void {
    if (!this.#consumers.remove(consumer) || this.#consumers.count > 0) return
    if (this.declaration.autoDelete) this.#around.onUnused()
    else this.touch()
  }

  /** Gives ready messages to consumers with room, then drops what may not wait. `fresh` reached the queue just now. */
  serve(fresh?: Entry): void {
    // A dead message may come round to this very queue: the loop below sees it.
    if (this.#serving || this.#closed) return
    this.#serving = true
    try {
      for (;;) {
        this.#dropExpired(fresh)
        const consumer = this.#ready.count === 0 ? undefined : this.#consumers.next()
        if (consumer === undefined) break
        consumer.deliver(this.#ready.shift() as Entry)
      }
      this.#dropExpired()
      this.#dropSurplus()
    } finally {
      this.#serving = false
    }
    this.#watchExpiry()
  }

  /** The queue is in use: its `x-expires` starts anew. */
  touch(): void {
    const { expires } = this.settings
    this.#disuse?.cancel()
    if (expires === undefined || this.#closed) return
    this.#disuse = this.#around.clock.after(expires, () => {
      this.#disuse = undefined
      if (this.#consumers.count === 0) this.#around.onUnused()
    })
  }

  /** The queue is deleted: drops its messages and cancels its consumers. */
  close(): void {
    this.#closed = true
    this.#disuse?.cancel()
    this.#expiry?.timer.cancel()
    this.#ready.clear()
    this.#hold(-this.#held)
    for (const consumer of this.#consumers.removeAll()) consumer.cancelled()
  }

  // A message without time left goes to a consumer that is free this instant, and nowhere else.
  #dropExpired(fresh?: Entry): void {
    const now = this.#around.clock.monotonic()
    for (const head of this.#ready.heads()) {
      let entry: Entry | undefined = head
      while (entry !== undefined && entry !== fresh && entry.expiresAt <= now) {
        this.#ready.removeFirst(entry.level)
        this.#bury([entry], 'expired')
        entry = this.#ready.first(entry.level)
      }
    }
  }

  #dropSurplus(): void {
    const { overflow, maxLength, maxLengthBytes } = this.settings
    if (overflow !== 'drop-head') return
    while (this.#ready.count > maxLength || this.#ready.bytes > maxLengthBytes) {
      this.#bury([this.#ready.shift() as Entry], 'maxlen')
    }
  }

  #watchExpiry(): void {
    let at = Number.POSITIVE_INFINITY
    for (const head of this.#ready.heads()) at = Math.min(at, head.expiresAt)
    if (at === Number.POSITIVE_INFINITY || (this.#expiry !== undefined && this.#expiry.at <= at)) return
    this.#expiry?.timer.cancel()
    const timer = this.#around.clock.after(Math.max(0, Math.ceil(at - this.#around.clock.monotonic())), () => {
      this.#expiry = undefined
      this.serve()
    })
    this.#expiry = { timer, at }
  }

  #hasRoomFor(message: Message): boolean {
    const { maxLength, maxLengthBytes } = this.settings
    return this.#ready.count < maxLength && this.#ready.bytes + message.body.length <= maxLengthBytes
  }

  #levelOf(message: Message): number {
    return Math.min(message.properties.priority ?? 0, this.settings.maxPriority ?? 0)
  }

  // In quorum queues what came back leaves before all else, in the order in which it came back.
  #atReturnLevel(entry: Entry): Entry {
    return { ...entry, level: 1, position: this.#nextPosition++ }
  }

  #bury(entries: readonly Entry[], reason: DeathReason): void {
    this.#release(entries)
    for (const { message } of entries) this.#around.onDead(message, reason)
  }

  #release(entries: readonly Entry[]): void {
    if (this.#closed) return
    this.#hold(-entries.reduce((bytes, { cost }) => bytes + cost, 0))
  }

  #hold(bytes: number): void {
    this.#held += bytes
    this.#around.onHeld(bytes)
  }
}
