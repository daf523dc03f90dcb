import type { Channel, Delivery } from '../../broker/broker.ts'
import { TwqError } from '../../errors.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import { MESSAGE_TYPES, schedulesMessage } from '../state/messages.ts'
import { encodeState, type ScheduleState } from '../state/state.ts'

/**
 * The state of a leader with the broker: the newest message is held unacknowledged, on the channel by which the leader sends, and goes to
 * the next leader when that is lost.
 */
export class HeldState {
  readonly #channel: Channel
  readonly #queue: string
  readonly #leader: string
  readonly #state: ScheduleState
  #held: Delivery | undefined
  #arrival: { readonly messageId: string; readonly delivery: Deferred<Delivery> } | undefined
  #saving: Promise<void> | undefined
  #next: Promise<void> | undefined

  /** `leader` tells the messages of this leader from those of others. */
  constructor(channel: Channel, queue: string, state: ScheduleState, leader: string) {
    this.#channel = channel
    this.#queue = queue
    this.#state = state
    this.#leader = leader
  }

  /** Takes a delivery that is a state of this leader. */
  receive(delivery: Delivery): boolean {
    const { messageId = '' } = delivery.properties
    if (!messageId.startsWith(`${this.#leader}:`)) return false
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
    this.#state.version += 1
    const messageId = `${this.#leader}:${this.#state.version}`
    const delivery = deferred<Delivery>()
    this.#arrival = { messageId, delivery }
    const lost = this.#channel.closed.then(() => {
      throw new TwqError('TWQ_CHANNEL_CLOSED', 'the channel that holds the schedules is over')
    })
    lost.catch(() => {})
    const message = schedulesMessage(MESSAGE_TYPES.state, encodeState(this.#state), { messageId })
    const answer = await this.#channel.publish({ exchange: '', routingKey: this.#queue }, message, { mandatory: true })
    if (answer === 'returned') throw new TwqError('TWQ_QUEUE_MISSING', `the queue ${this.#queue} is gone`)
    const arrived = await Promise.race([delivery.promise, lost])
    this.#held?.ack()
    this.#held = arrived
  }
}
