import type { Channel, Delivery } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import { MESSAGE_TYPES, schedulesMessage } from '../state/messages.ts'
import { encodeState, type ScheduleState } from '../state/state.ts'

/** The parts that holding a state works with. */
export interface HeldStateParts {
  readonly channel: Channel
  readonly queue: string
  readonly state: ScheduleState
  /** Tells the messages of this leader from those of others. */
  readonly leader: string
  /** Called where a state that the broker has confirmed does not come back. */
  readonly fail: (error: unknown) => void
  readonly clock: Clock
}

/**
 * Milliseconds until a state that the broker has confirmed is delivered, and without any other delivery: beyond that it is lost, by a purge
 * of the queue or a policy.
 */
const LONGEST_RETURN = 30_000

/**
 * The state of a leader with the broker: the newest message that has come back is held unacknowledged, on the channel by which the leader
 * sends, and goes to the next leader when that is lost. Saving does not wait until it comes back: messages before it in the queue may have to
 * be acknowledged first, which waits for the saving.
 */
export class HeldState {
  readonly #parts: HeldStateParts
  /** Unacknowledged, the newest that has come back last. */
  #held: Delivery[] = []
  /** The newest version that has come back, and the newest that the broker has confirmed. */
  #returned = 0
  #confirmed = 0
  /** When anything was delivered last, by the monotonic clock. */
  #deliveredAt = 0
  #isWatched = false
  #saving: Promise<void> | undefined
  #next: Promise<void> | undefined
  #isBack: Deferred<void> | undefined

  constructor(parts: HeldStateParts) {
    this.#parts = parts
  }

  /** Takes a delivery that is a state of this leader; false for any other. */
  receive(delivery: Delivery): boolean {
    const { leader, clock } = this.#parts
    this.#deliveredAt = clock.monotonic()
    const [id, version] = (delivery.properties.messageId ?? '').split(':')
    if (id !== leader) return false
    this.#held.push(delivery)
    this.#returned = Number(version)
    this.#release()
    return true
  }

  /** Holds a state of an earlier leader, until one of this leader is held. */
  adopt(delivery: Delivery): void {
    this.#held.unshift(delivery)
    this.#release()
  }

  /** Resolves once the broker has the state as it is now, or newer. Rejects when the channel is over. */
  save(): Promise<void> {
    if (this.#saving === undefined) {
      this.#saving = this.#replace().finally(() => {
        this.#saving = undefined
      })
      return this.#saving
    }
    // The one under way may have been written before the change.
    this.#next ??= this.#saving.then(() => {
      this.#next = undefined
      return this.save()
    })
    return this.#next
  }

  /** Resolves once what was saved is held, and nothing else, or the channel is over. */
  async isHeld(): Promise<void> {
    if (this.#returned >= this.#confirmed) return
    this.#isBack ??= deferred()
    await Promise.race([this.#isBack.promise, this.#parts.channel.closed])
  }

  async #replace(): Promise<void> {
    const { channel, queue, state, leader } = this.#parts
    state.version += 1
    const { version } = state
    const message = schedulesMessage(MESSAGE_TYPES.state, encodeState(state), { messageId: `${leader}:${version}` })
    const answer = await channel.publish({ exchange: '', routingKey: queue }, message, { mandatory: true })
    if (answer === 'returned') throw new TwqError('TWQ_QUEUE_MISSING', `the queue ${queue} is gone`)
    this.#confirmed = version
    this.#release()
    this.#watch()
  }

  /** Acknowledges all but the newest state, once that is safe and has come back. */
  #release(): void {
    if (this.#returned === 0 || this.#returned > this.#confirmed) return
    const newest = this.#held.pop() as Delivery
    for (const older of this.#held) older.ack()
    this.#held = [newest]
    if (this.#returned === this.#confirmed) this.#isBack?.resolve()
  }

  /** Looks after a while whether what is confirmed now has come back. */
  #watch(): void {
    const { channel, queue, clock, fail } = this.#parts
    const confirmed = this.#confirmed
    if (this.#isWatched || this.#returned >= confirmed) return
    this.#isWatched = true
    clock.after(LONGEST_RETURN, () => {
      this.#isWatched = false
      const isQuiet = clock.monotonic() - this.#deliveredAt >= LONGEST_RETURN
      if (channel.isOpen && isQuiet && this.#returned < confirmed) {
        fail(new TwqError('TWQ_CHANNEL_CLOSED', `the state in ${queue} did not come back`))
      } else if (channel.isOpen) this.#watch()
    })
  }
}
