import { suspectsQueue } from '../../protocol/companion-queues.ts'
import { deliveryCount } from '../../protocol/headers/suspect.ts'
import type { Timer } from '../../runtime/time/clock.ts'
import type { HeldMessage, Republisher } from '../quarantine/republisher.ts'
import {
  type Held,
  type HeldAsideSigns,
  HeldMessages,
  type HeldMessagesParts,
  type Unrunnable,
} from './held-messages.ts'
import { RefusingTargets } from './refusing-targets.ts'

/** The parts for holding messages. */
export interface HeldAsideParts extends HeldMessagesParts {
  readonly republisher: Pick<Republisher, 'renew' | 'giveBack'>
}

// Milliseconds.
const TRIED_EVERY = 30_000
// RabbitMQ takes back messages that are not acknowledged within its consumer timeout, by default 30 minutes.
const RENEWED_AFTER = 600_000
const AT_ONCE = 50

/**
 * Quarantines messages that can't run. While their quarantine refuses them (for example because it is full) it holds them
 * unacknowledged, each beside the places of running tasks, at most 1,000 or 64 MiB, and retries every 30 s. Above these limits
 * the queue that they come from is suspended until there is room. None is ever returned.
 */
export class HeldAside {
  readonly #parts: HeldAsideParts
  readonly #held: HeldMessages
  readonly #refusing: RefusingTargets
  #timer: Timer | undefined
  #trying = false
  #closed = false

  constructor(parts: HeldAsideParts) {
    this.#parts = parts
    this.#held = new HeldMessages(parts)
    this.#refusing = new RefusingTargets(parts.logger)
  }

  get signs(): HeldAsideSigns {
    return this.#held.signs
  }

  /** Settles a message, or holds it: resolves when either is done. Never rejects. */
  async settle(message: Unrunnable): Promise<void> {
    // It was taken back with its channel, and will be redelivered.
    if (!message.delivery.alive) return
    if (this.#refusing.has(message.target)) {
      await this.#hold(message)
      return
    }
    const slow = this.#held.lendIfSlow(message)
    try {
      await message.settle()
      slow.release()
    } catch (error) {
      slow.release()
      if (!message.delivery.alive) return
      this.#refused(message, error)
      await this.#hold(message)
    } finally {
      // Its queue may be suspended for what was being set aside, though nothing is held.
      if (!this.#closed) this.#held.makeRoom()
    }
  }

  /** Forgets the messages that the broker requeued with their channel; they are redelivered, and tried at once. */
  forgetTakenBack(): void {
    for (const held of this.#held.all()) if (!held.delivery.alive) this.#held.remove(held)
    this.#refusing.clear()
    this.#held.makeRoom()
  }

  /**
   * Returns all of them, since the worker shuts down; one that is just being settled only if that fails, since otherwise it would
   * exist twice. Never rejects.
   */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    const tried = this.#held.all().filter(({ trying, delivery }) => trying !== undefined && delivery.alive)
    const idle = this.#held.all().filter((held) => !tried.includes(held))
    const failed = tried.map(async (held) => {
      await held.trying
      if (this.#held.has(held)) await this.#return([held])
    })
    await Promise.all([this.#return(idle), ...failed])
  }

  /**
   * Returns messages: unchanged, if their return count is far from a limit, they are no suspects and their tasks have not ended;
   * otherwise as copies. Never rejects.
   */
  async #return(messages: readonly (Unrunnable | Held)[]): Promise<void> {
    // Highest delivery tag first: each is put in front of the previous one, which restores the order of the queue.
    const inOrder = messages.toSorted((a, b) => b.delivery.deliveryTag - a.delivery.deliveryTag)
    const copied: HeldMessage[] = []
    for (const one of inOrder) {
      const { delivery, queue, source, target, ended } = one
      if ('size' in one) this.#held.remove(one)
      const counted = (deliveryCount(delivery.headers) ?? 0) >= 10
      const asItIs = source === 'tasks' && target !== suspectsQueue(queue) && !counted && ended === undefined
      if (asItIs) delivery.nack({ requeue: true })
      else copied.push({ delivery, queue, source, ended })
    }
    await this.#parts.republisher.giveBack(copied)
  }

  async #hold(message: Unrunnable): Promise<void> {
    if (this.#closed) return await this.#return([message])
    this.#held.add(message)
    this.#arm()
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
    const targets = new Set(this.#held.all().map(({ target }) => target))
    await Promise.all([...targets].map((target) => this.#tryTarget(target)))
    await this.#renewOld()
    this.#trying = false
    this.#held.makeRoom()
    this.#arm()
  }

  /** Tries one, and if that succeeds the others. */
  async #tryTarget(target: string): Promise<void> {
    let settled = 0
    for (let size = 1; !this.#closed; size = AT_ONCE) {
      const next = this.#held
        .all()
        .filter((held) => held.target === target)
        .slice(0, size)
      if (next.length === 0) break
      const results = await Promise.all(next.map((held) => this.#try(held)))
      settled += results.filter(Boolean).length
      if (results.includes(false)) break
      this.#refusing.takes(target)
    }
    if (settled > 0) {
      const fields = { event: 'messages.settled' as const, target, settled, held: this.#held.size }
      this.#parts.logger.info(fields, 'messages that had to wait are set aside')
    }
  }

  /** False if it can't be settled yet. */
  async #try(held: Held): Promise<boolean> {
    if (!held.delivery.alive) {
      this.#held.remove(held)
      return true
    }
    try {
      await this.#underway(held, held.settle())
    } catch (error) {
      if (held.delivery.alive) this.#refused(held, error)
      else this.#held.remove(held)
      return false
    }
    this.#held.remove(held)
    return true
  }

  /** Makes a shutdown wait for what is being done about a message. */
  async #underway(held: Held, work: Promise<void>): Promise<void> {
    const over = work.then(
      () => this.#held.remove(held),
      () => {},
    )
    held.trying = over
    await over
    held.trying = undefined
    await work
  }

  /** Replaces old ones by copies: at its consumer timeout the broker would take back all messages of their channel. */
  async #renewOld(): Promise<void> {
    const { clock, republisher } = this.#parts
    const now = clock.monotonic()
    for (const held of this.#held.all()) {
      if (this.#closed || now - held.since < RENEWED_AFTER) return
      if (!held.delivery.alive) this.#held.remove(held)
      else {
        try {
          await this.#underway(held, republisher.renew(held))
          this.#held.remove(held)
        } catch {
          // It stays held, and is tried again with the others.
          return
        }
      }
    }
  }

  #refused({ target, fields }: Unrunnable, error: unknown): void {
    const { held, bytes } = this.#held.signs
    this.#refusing.refused(target, error, fields, { held, bytes })
  }
}
