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
  readonly clock: Clock
}

/** Milliseconds until a state that the broker has confirmed is delivered: beyond that it is lost, by a purge of the queue or a policy. */
const LONGEST_RETURN = 30_000

/**
 * The state of a leader with the broker: the newest message is held unacknowledged, on the channel by which the leader sends, and goes to
 * the next leader when that is lost.
 */
export class HeldState {
  readonly #parts: HeldStateParts
  #held: Delivery | undefined
  #arrival: { readonly messageId: string; readonly delivery: Deferred<Delivery> } | undefined
  #saving: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor(parts: HeldStateParts) {
    this.#parts = parts
    // Once: a promise that lasts as long as the channel keeps what waits for it.
    void parts.channel.closed.then(() => {
      this.#arrival?.delivery.reject(new TwqError('TWQ_CHANNEL_CLOSED', 'the channel that holds the schedules is over'))
    })
  }

  /** Takes a delivery that is a state of this leader. */
  receive(delivery: Delivery): boolean {
    const { messageId = '' } = delivery.properties
    if (!messageId.startsWith(`${this.#parts.leader}:`)) return false
    if (this.#arrival?.messageId === messageId) this.#arrival.delivery.resolve(delivery)
    else delivery.ack()
    return true
  }

  /** Resolves once the broker has the state as it is now, or newer, and it is held. Rejects when the channel is over. */
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

  async #replace(): Promise<void> {
    const { channel, queue, state, leader, clock } = this.#parts
    state.version += 1
    const messageId = `${leader}:${state.version}`
    const delivery = deferred<Delivery>()
    // It is awaited after the confirm, which fails with the channel, too.
    delivery.promise.catch(() => {})
    this.#arrival = { messageId, delivery }
    const message = schedulesMessage(MESSAGE_TYPES.state, encodeState(state), { messageId })
    const answer = await channel.publish({ exchange: '', routingKey: queue }, message, { mandatory: true })
    if (answer === 'returned') throw new TwqError('TWQ_QUEUE_MISSING', `the queue ${queue} is gone`)
    const limit = clock.after(LONGEST_RETURN, () =>
      delivery.reject(new TwqError('TWQ_CHANNEL_CLOSED', `the state in ${queue} did not come back`)),
    )
    const arrived = await delivery.promise.finally(() => limit.cancel())
    this.#held?.ack()
    this.#held = arrived
  }
}
