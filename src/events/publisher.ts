import type { Channel } from '../broker/broker.ts'
import type { Session } from '../broker/session.ts'
import { messageOf, TwqError } from '../errors.ts'
import {
  EVENT_EXCHANGE,
  eventMessage,
  stampEvent,
  type TaskEvent,
  taskEventsMessage,
  type WorkerEvent,
} from '../protocol/remote/event.ts'
import type { LamportClock } from '../protocol/remote/lamport-clock.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock } from '../runtime/time/clock.ts'

/** Sends task events. */
export interface TaskEvents {
  /** False while events are off: then they need not even be made. */
  readonly wanted: boolean
  /** Tells of one event. Never throws, never waits. */
  emit(event: TaskEvent): void
}

/** The parts that an event publisher works with. */
export interface EventPublisherParts {
  readonly session: Session
  /** The worker's node name. */
  readonly node: string
  /** Task events are always sent: remote control can't turn them off. Celery's `-E`. */
  readonly tasks: boolean
  /** Shared with everything else the node says. */
  readonly lamport: LamportClock
  readonly clock: Clock
  readonly logger: EventLogger
}

// Celery's own batch.
const BATCH = 24
// What waits for a channel: the oldest beyond this are dropped.
const MAX_WAITING = 10_000
const MAX_CHARACTERS = 16 * 1024 * 1024
// Messages that wait for the broker's confirm; meanwhile events wait here, and not in the socket's buffer.
const MAX_UNCONFIRMED = 100

/**
 * Publishes the worker's events to Celery's monitors, on a channel of its own. Task events are collected for a turn of the
 * event loop, and wait, up to a bound, while there is no channel. Events are news: none is worth sending twice, and none
 * delays a task.
 */
export class EventPublisher implements TaskEvents {
  readonly #parts: EventPublisherParts
  #channel: Channel | undefined
  #stopListening: (() => void) | undefined
  /** Task events were switched on by remote control. */
  #enabled = false
  #closed = false
  /** Stamped task events that no message carries yet, oldest first. */
  readonly #waiting: string[] = []
  #characters = 0
  #unconfirmed = 0
  #scheduled = false
  #dropped = 0
  #reported = 0

  constructor(parts: EventPublisherParts) {
    this.#parts = parts
  }

  /** Opens the channel, now and after every loss; `onUp` is called each time that it is there. */
  start(onUp: () => void): void {
    const { session, logger } = this.#parts
    this.#stopListening = session.listen((event) => {
      if (event.kind === 'unblocked') this.#resume()
    })
    const kept = session.keep('events', async (channel) => {
      await channel.declareExchange({ name: EVENT_EXCHANGE, type: 'topic', durable: true })
      if (this.#closed) return
      this.#channel = channel
      onUp()
      this.#resume()
    })
    kept.ready.catch((error: unknown) => {
      this.#closed = true
      this.#drop(this.#waiting.splice(0))
      // Without a connection the session reports the error.
      if (!session.connected || TwqError.is(error, 'TWQ_CLOSED')) return
      logger.error(
        { event: 'events.off', error: messageOf(error) },
        'no events are sent: monitors do not see this worker',
      )
    })
  }

  get wanted(): boolean {
    return (this.#parts.tasks || this.#enabled) && !this.#closed
  }

  /** Task events that were given up, because too many waited or the broker never confirmed them. */
  get dropped(): number {
    return this.#dropped
  }

  /** Switches task events on; false when they were on already. */
  enable(): boolean {
    if (this.#parts.tasks || this.#enabled) return false
    this.#enabled = true
    return true
  }

  /** Switches off what `enable` switched on; false when there was nothing to switch off. */
  disable(): boolean {
    if (!this.#enabled) return false
    this.#enabled = false
    return true
  }

  emit(event: TaskEvent): void {
    if (!this.wanted) return
    const text = this.#stamp(event)
    this.#waiting.push(text)
    this.#characters += text.length
    while (this.#waiting.length > MAX_WAITING || this.#characters > MAX_CHARACTERS) this.#drop(this.#oldest())
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** Tells of the worker now or never: without a channel it would be no news any more once there is one. */
  announce(event: WorkerEvent): void {
    if (this.#closed) return
    this.#flush()
    const channel = this.#writable()
    // Should it get lost, the next heartbeat says the same.
    if (channel) this.#publish(channel, eventMessage(this.#parts.node, event.type, this.#stamp(event)), 0)
  }

  /** Hands over what waits and takes no more. The session, when it stops, waits for it to arrive. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#flush(Number.POSITIVE_INFINITY)
    this.#drop(this.#waiting.splice(0))
    this.#report()
    this.#stopListening?.()
  }

  #stamp(event: TaskEvent | WorkerEvent): string {
    const { node, lamport, clock } = this.#parts
    return stampEvent(event, { node, pid: process.pid, clock: lamport.tick(), now: clock.now() })
  }

  /** The channel, while the broker takes messages. */
  #writable(): Channel | undefined {
    const blocked = this.#parts.session.connection?.blocked !== undefined
    return this.#channel?.isOpen && !blocked ? this.#channel : undefined
  }

  #resume(): void {
    this.#flush()
    this.#report()
  }

  #flush(maxUnconfirmed = MAX_UNCONFIRMED): void {
    while (this.#waiting.length > 0 && this.#unconfirmed < maxUnconfirmed) {
      const channel = this.#writable()
      if (channel === undefined) return
      const events = this.#oldest()
      this.#publish(channel, taskEventsMessage(this.#parts.node, events), events.length)
    }
  }

  /** Takes out the oldest events, as many as one message carries. */
  #oldest(): string[] {
    const events = this.#waiting.splice(0, BATCH)
    for (const text of events) this.#characters -= text.length
    return events
  }

  #publish(channel: Channel, { route, message }: Outgoing, taskEvents: number): void {
    this.#unconfirmed += 1
    channel
      .publish(route, message)
      .catch(() => {
        this.#dropped += taskEvents
      })
      .finally(() => {
        this.#unconfirmed -= 1
        this.#flush()
      })
  }

  #drop(events: readonly string[]): void {
    this.#dropped += events.length
  }

  /** Logs how many events got lost since it last did. */
  #report(): void {
    const count = this.#dropped - this.#reported
    this.#reported = this.#dropped
    if (count > 0) this.#parts.logger.warn({ event: 'events.dropped', count }, 'task events were dropped')
  }
}
