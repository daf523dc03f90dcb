import type { Delivery } from '../../broker/broker.ts'
import { hintOf, messageOf, TwqError } from '../../errors.ts'
import { deliveryCount, suspectsQueue } from '../../protocol/headers/suspect.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { DeliverySource } from '../quarantine/poison-policy.ts'
import type { HeldMessage, Republisher } from '../quarantine/republisher.ts'
import type { Place, Prefetch } from '../request/prefetch.ts'

/** A message that does not run, and what settles it: setting it aside, or moving it to the suspects. */
export interface Unrunnable {
  readonly delivery: Delivery
  /** The task queue, also for a message that came from its suspects. */
  readonly queue: string
  readonly source: DeliverySource
  /** The queue that it goes to. One that takes nothing takes no other message either. */
  readonly target: string
  /** How its task ended, where it has: it goes back with that, and does not run again. */
  readonly ended?: string | undefined
  /** For the log. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Settles it; rejects while that is not possible, and may then be called again. */
  readonly settle: () => Promise<void>
}

/** The parts that holding messages works with. */
export interface HeldAsideParts {
  readonly prefetch: Prefetch
  /** The consumer of the task queues; a suspended one takes nothing from that queue. */
  readonly consumer: { suspend(queue: string): Promise<void>; unsuspend(queue: string): Promise<void> }
  /** The consumer of the suspects, which takes one more although one is held, until the function that it returns is called. */
  readonly suspects: { spare(queue: string): () => void }
  readonly republisher: Pick<Republisher, 'renew' | 'giveBack'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** How the held messages are, for probes. */
export interface HeldAsideSigns {
  readonly held: number
  readonly bytes: number
  /** The queues that are not consumed because of them. */
  readonly suspended: readonly string[]
}

interface Held extends Unrunnable {
  readonly size: number
  /** When it came, on the clock's monotonic scale. */
  readonly since: number
  /** Gives back its place beside those of tasks; undefined while it has none. */
  release: (() => void) | undefined
  /** While it is tried again: settles when that has ended. */
  trying: Promise<unknown> | undefined
}

/** What a target's refusal says until it takes something again. */
interface Refusing {
  readonly error: string
  /** How often it was tried in vain. */
  tries: number
}

const MOST_HELD = 1_000
const MOST_BYTES = 64 * 1024 * 1024
// A queue is consumed again below this part of both.
const ROOM = 0.9
// Milliseconds.
const TRIED_EVERY = 30_000
// What takes longer than this to set aside gives its place to others meanwhile.
const PROMPT = 500
// RabbitMQ takes back what is not acknowledged within its consumer timeout, 30 minutes unless it was changed.
const RENEWED_AFTER = 600_000
const AT_ONCE = 50
const SAID_AT_LEAST_EVERY = 20

/**
 * Quarantines messages that can't run. While their quarantine takes none (it is full, say) it holds them
 * unacknowledged, each beside the places of running tasks, at most 1,000 or 64 MiB of them. They are tried again every
 * 30 s. Past the bounds the queue that they come from is not consumed until there is room. None is ever returned.
 */
export class HeldAside {
  readonly #parts: HeldAsideParts
  readonly #held = new Set<Held>()
  readonly #refusing = new Map<string, Refusing>()
  /** By the name of the queue that is not consumed: the task queue it belongs to. */
  readonly #suspended = new Map<string, string>()
  #bytes = 0
  /** How many messages take a place in the prefetch while they are being settled. */
  #lent = 0
  #lentBytes = 0
  #timer: Timer | undefined
  #trying = false
  #closed = false

  constructor(parts: HeldAsideParts) {
    this.#parts = parts
  }

  get signs(): HeldAsideSigns {
    return { held: this.#held.size, bytes: this.#bytes, suspended: [...this.#suspended.keys()] }
  }

  /** Settles a message, or holds it: resolves when either is done. Never rejects. */
  async settle(message: Unrunnable): Promise<void> {
    // With its channel it was taken back, and comes again.
    if (!message.delivery.alive) return
    if (this.#refusing.has(message.target)) {
      await this.#hold(message)
      return
    }
    const slow = this.#lendIfSlow(message)
    try {
      await message.settle()
      slow.release()
    } catch (error) {
      slow.release()
      if (!message.delivery.alive) return
      this.#refused(message, error)
      await this.#hold(message)
    }
  }

  /** Forgets the messages that the broker requeued with their channel; they are delivered again, and tried at once. */
  forgetTakenBack(): void {
    for (const held of this.#held) if (!held.delivery.alive) this.#remove(held)
    this.#refusing.clear()
    this.#consumeAgain()
  }

  /**
   * Returns all of them, since the worker leaves; one that is just being settled only where that fails, or it would be both
   * here and there. Never rejects.
   */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    const tried = [...this.#held].filter(({ trying, delivery }) => trying !== undefined && delivery.alive)
    const idle = [...this.#held].filter((held) => !tried.includes(held))
    const failed = tried.map(async (held) => {
      await held.trying
      if (this.#held.has(held)) await this.#return([held])
    })
    await Promise.all([this.#return(idle), ...failed])
  }

  /**
   * Returns messages: as they are where what counts their returns is far from a limit, they are no suspects, and their tasks
   * have not ended; by copies else. Never rejects.
   */
  async #return(messages: readonly (Unrunnable | Held)[]): Promise<void> {
    // Highest delivery tag first: each lands in front of the one before, and the queue is as it was.
    const inOrder = messages.toSorted((a, b) => b.delivery.deliveryTag - a.delivery.deliveryTag)
    const copied: HeldMessage[] = []
    for (const one of inOrder) {
      const { delivery, queue, source, target, ended } = one
      if ('size' in one) this.#remove(one)
      const counted = (deliveryCount(delivery.headers) ?? 0) >= 10
      const asItIs = source === 'tasks' && target !== suspectsQueue(queue) && !counted && ended === undefined
      if (asItIs) delivery.nack({ requeue: true })
      else copied.push({ delivery, queue, source, ended })
    }
    await this.#parts.republisher.giveBack(copied)
  }

  /** A message that takes long to settle holds no task's place meanwhile. */
  #lendIfSlow(message: Unrunnable): { release(): void } {
    if (message.source === 'suspects') return { release: () => {} }
    const { clock, prefetch } = this.#parts
    const size = sizeOf(message.delivery)
    let place: Place | undefined
    const timer = clock.after(PROMPT, () => {
      if (this.#isFull(size)) void this.#suspend(message)
      place = prefetch.lend()
      this.#lent += 1
      this.#lentBytes += size
    })
    return {
      release: () => {
        timer.cancel()
        if (place === undefined) return
        prefetch.release(place)
        this.#lent -= 1
        this.#lentBytes -= size
      },
    }
  }

  #isFull(size: number): boolean {
    return this.#held.size + this.#lent >= MOST_HELD || this.#bytes + this.#lentBytes + size > MOST_BYTES
  }

  async #hold(message: Unrunnable): Promise<void> {
    if (this.#closed) return await this.#return([message])
    const { clock } = this.#parts
    const size = sizeOf(message.delivery)
    const full = this.#isFull(size)
    const held: Held = { ...message, size, since: clock.monotonic(), release: undefined, trying: undefined }
    this.#held.add(held)
    this.#bytes += size
    if (full) void this.#suspend(message)
    else this.#placeBeside(held)
    this.#arm()
  }

  #placeBeside(held: Held): void {
    const { prefetch, suspects } = this.#parts
    if (held.source === 'tasks') {
      const place = prefetch.hold()
      held.release = () => prefetch.release(place)
    } else held.release = suspects.spare(held.queue)
  }

  #remove(held: Held): void {
    if (!this.#held.delete(held)) return
    this.#bytes -= held.size
    held.release?.()
  }

  /** Once the consumer has ended, the messages that came last give their places in the prefetch back to tasks. */
  async #suspend({ source, queue }: Unrunnable): Promise<void> {
    const name = source === 'suspects' ? suspectsQueue(queue) : queue
    if (this.#suspended.has(name)) return
    this.#suspended.set(name, queue)
    const { consumer, logger } = this.#parts
    logger.error(
      { event: 'queue.suspended', queue: name, held: this.#held.size, bytes: this.#bytes },
      'too many messages of this queue can not be set aside: nothing more is taken from it until there is room',
    )
    if (source === 'suspects') return
    await consumer.suspend(queue)
    for (const held of this.#held) {
      if (held.source === 'tasks' && held.queue === queue && held.release === undefined) this.#placeBeside(held)
    }
  }

  #consumeAgain(): void {
    if (this.#held.size > MOST_HELD * ROOM || this.#bytes > MOST_BYTES * ROOM) return
    for (const [name, queue] of this.#suspended) {
      this.#suspended.delete(name)
      if (name === queue) void this.#parts.consumer.unsuspend(queue)
      this.#parts.logger.info({ event: 'queue.resumed', queue: name }, 'there is room again: the queue is consumed')
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#trying || this.#closed || this.#held.size === 0) return
    this.#timer = this.#parts.clock.after(TRIED_EVERY, () => {
      this.#timer = undefined
      void this.#tryAgain()
    })
  }

  async #tryAgain(): Promise<void> {
    this.#trying = true
    const targets = new Set([...this.#held].map(({ target }) => target))
    await Promise.all([...targets].map((target) => this.#tryTarget(target)))
    await this.#renewOld()
    this.#trying = false
    this.#consumeAgain()
    this.#arm()
  }

  /** Tries one, and when that succeeds the others. */
  async #tryTarget(target: string): Promise<void> {
    let settled = 0
    for (let size = 1; !this.#closed; size = AT_ONCE) {
      const next = [...this.#held].filter((held) => held.target === target).slice(0, size)
      if (next.length === 0) break
      const results = await Promise.all(next.map((held) => this.#try(held)))
      settled += results.filter(Boolean).length
      if (results.includes(false)) break
      this.#refusing.delete(target)
    }
    if (settled > 0) {
      const fields = { event: 'messages.settled' as const, target, settled, held: this.#held.size }
      this.#parts.logger.info(fields, 'messages that had to wait are set aside')
    }
  }

  /** False when it can't be settled yet. */
  async #try(held: Held): Promise<boolean> {
    if (!held.delivery.alive) {
      this.#remove(held)
      return true
    }
    try {
      await this.#underway(held, held.settle())
    } catch (error) {
      if (held.delivery.alive) this.#refused(held, error)
      else this.#remove(held)
      return false
    }
    this.#remove(held)
    return true
  }

  /** Has a shutdown wait for what is being done about a message. */
  async #underway(held: Held, work: Promise<void>): Promise<void> {
    const over = work.then(
      () => this.#remove(held),
      () => {},
    )
    held.trying = over
    await over
    held.trying = undefined
    await work
  }

  /** So that the broker does not take them back, and with them all that was delivered by the same channel. */
  async #renewOld(): Promise<void> {
    const { clock, republisher } = this.#parts
    const now = clock.monotonic()
    for (const held of this.#held) {
      if (this.#closed || now - held.since < RENEWED_AFTER) return
      if (!held.delivery.alive) this.#remove(held)
      else {
        try {
          await this.#underway(held, republisher.renew(held))
          this.#remove(held)
        } catch {
          // It is held on: tried again with the others.
          return
        }
      }
    }
  }

  /** One line at once, and then fewer and fewer with how many wait. */
  #refused({ target, fields }: Unrunnable, error: unknown): void {
    if (TwqError.is(error, 'TWQ_CLOSED')) return
    const { logger } = this.#parts
    const known = this.#refusing.get(target)
    if (known === undefined) {
      this.#refusing.set(target, { error: messageOf(error), tries: 1 })
      logger.error({ event: 'message.stuck', ...fields, target, error: messageOf(error), hint: hintOf(error) }, STUCK)
      return
    }
    known.tries += 1
    const due = (known.tries & (known.tries - 1)) === 0 || known.tries % SAID_AT_LEAST_EVERY === 0
    if (!due) return
    const counts = { held: this.#held.size, bytes: this.#bytes }
    logger.error(
      { event: 'messages.stuck', target, ...counts, error: messageOf(error), hint: hintOf(error) },
      STILL_STUCK,
    )
  }
}

function sizeOf({ body, rawHeaders }: Delivery): number {
  return body.length + (rawHeaders?.length ?? 0)
}

const STUCK = 'a message could not be set aside; it is held, beside the places of tasks, and tried again every 30 s'
const STILL_STUCK = 'messages can not be set aside, and are held'
