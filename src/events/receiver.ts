import { randomUUID } from 'node:crypto'
import type { Channel, Delivery } from '../broker/broker.ts'
import { declarePidboxExchange, PIDBOX_EXCHANGE } from '../broker/pidbox.ts'
import type { Kept, Session } from '../broker/session.ts'
import { declareEventQueue } from '../broker/topology.ts'
import { TwqError } from '../errors.ts'
import { LamportClock } from '../protocol/remote/lamport-clock.ts'
import { encodeRequest } from '../protocol/remote/pidbox.ts'
import { type CeleryEvent, decodeEvents } from '../protocol/remote/read-event.ts'
import { heldSize } from '../runtime/held-size.ts'
import { matchesGlob } from '../runtime/text/glob.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import { type Deferred, deferred } from '../runtime/time/deferred.ts'
import { onAbort } from '../runtime/time/on-abort.ts'

/** Which events, and what workers are asked for. */
export interface EventOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal
  /** Only these types; `'task-*'` is a pattern. */
  readonly types?: readonly string[]
  /** Asks workers for a heartbeat at the beginning and after every reconnect, so that all are known at once. Default true. */
  readonly heartbeat?: boolean
  /** Has workers send task events that were started without them (Celery's `-E`). They go on when this stream ends. */
  readonly enableTaskEvents?: boolean
  /** Whom to ask, by node name; without it, all. */
  readonly destination?: readonly string[]
  /**
   * How many events wait for a reader at most: the oldest beyond them are dropped, and counted. Default 10,000. Those beyond 64 MiB
   * of memory are dropped and counted, too, however few they are.
   */
  readonly mostWaiting?: number
}

/**
 * The events of a cluster, for one reader. It survives lost connections, though what is said meanwhile is missed. Ends
 * when its signal aborts, when the reader leaves the loop, when it is disposed of, and with its client; rejects when the
 * broker refuses.
 */
export interface EventStream extends AsyncIterable<CeleryEvent>, AsyncDisposable {
  /** Resolves when events can arrive; rejects if they never will. */
  readonly ready: Promise<void>
  /** Events that came faster than they were read, and were given up. */
  readonly dropped: number
  /** Events that were none: unreadable messages, or without the fields that make an event. */
  readonly refused: number
}

/** The parts that an event receiver works with. */
export interface EventReceiverParts {
  readonly session: Session
  readonly clock: Clock
}

const MOST_WAITING = 10_000
const MOST_BYTES_WAITING = 64 * 1024 * 1024
// Workers that come later are to be asked too: as often as Flower does.
const ENABLE_EVERY = 5_000

/** Opens a stream of events on `session` (wire specification 1.2, 6.5). */
export function receiveEvents(parts: EventReceiverParts, options: EventOptions = {}): EventStream {
  return new EventReceiver(parts, options)
}

/** An event that waits for its reader. */
interface Waiting {
  readonly event: CeleryEvent
  readonly size: number
}

class EventReceiver implements EventStream {
  readonly #parts: EventReceiverParts
  readonly #options: EventOptions
  readonly #lamport = new LamportClock()
  readonly #kept: Kept
  readonly #waiting: (Waiting | undefined)[] = []
  #bytes = 0
  /** Where the oldest event waits: taking out one by one from the front of an array costs its length. */
  #first = 0
  #reader: Deferred<IteratorResult<CeleryEvent>> | undefined
  #end: { readonly error?: unknown } | undefined
  #asking: Timer | undefined
  #dropped = 0
  #refused = 0

  constructor(parts: EventReceiverParts, options: EventOptions) {
    this.#parts = parts
    this.#options = options
    this.#kept = parts.session.keep('event receiver', (channel) => this.#consume(channel))
    onAbort(this.#kept.over, () => {
      const error: unknown = this.#kept.over.reason
      this.#finish(TwqError.is(error, 'TWQ_CLOSED') ? {} : { error })
    })
    options.signal?.addEventListener('abort', this.#stop, { once: true })
    if (options.signal?.aborted) this.#stop()
  }

  get ready(): Promise<void> {
    return this.#kept.ready
  }

  get dropped(): number {
    return this.#dropped
  }

  get refused(): number {
    return this.#refused
  }

  [Symbol.asyncIterator](): AsyncIterator<CeleryEvent, undefined> {
    return {
      next: () => this.#next(),
      return: async () => {
        await this[Symbol.asyncDispose]()
        return DONE
      },
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#finish({})
    await this.#kept[Symbol.asyncDispose]()
  }

  readonly #stop = (): void => void this[Symbol.asyncDispose]()

  async #next(): Promise<IteratorResult<CeleryEvent, undefined>> {
    const value = this.#take()
    if (value !== undefined) return { done: false, value }
    if (this.#end !== undefined) {
      if ('error' in this.#end) throw this.#end.error
      return DONE
    }
    if (this.#reader !== undefined) throw new TwqError('TWQ_USAGE', 'a stream of events has one reader')
    this.#reader = deferred()
    return await this.#reader.promise
  }

  #take(): CeleryEvent | undefined {
    const oldest = this.#waiting[this.#first]
    if (oldest === undefined) return undefined
    this.#waiting[this.#first] = undefined
    this.#bytes -= oldest.size
    this.#first += 1
    if (this.#first >= this.#waiting.length / 2) {
      this.#waiting.splice(0, this.#first)
      this.#first = 0
    }
    return oldest.event
  }

  #push(event: CeleryEvent): void {
    if (this.#end !== undefined) return
    if (this.#reader !== undefined) {
      const { resolve } = this.#reader
      this.#reader = undefined
      resolve({ done: false, value: event })
      return
    }
    const size = heldSize(event)
    this.#waiting.push({ event, size })
    this.#bytes += size
    const { mostWaiting = MOST_WAITING } = this.#options
    while (this.#waiting.length - this.#first > mostWaiting || this.#bytes > MOST_BYTES_WAITING) {
      this.#take()
      this.#dropped += 1
    }
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return
    this.#end = end
    this.#asking?.cancel()
    this.#options.signal?.removeEventListener('abort', this.#stop)
    if ('error' in end) this.#reader?.reject(end.error)
    else this.#reader?.resolve(DONE)
    this.#reader = undefined
  }

  async #consume(channel: Channel): Promise<void> {
    // A queue of another name each time: the broker may not have noticed yet that the consumer of the last one is gone.
    const queue = await declareEventQueue(channel, randomUUID(), this.#parts.session.connection?.server)
    await channel.consume(queue, (delivery) => this.#receive(delivery), {
      noAck: true,
      onCancelled: () => void channel[Symbol.asyncDispose](),
    })
    const { heartbeat = true, enableTaskEvents = false } = this.#options
    if (heartbeat || enableTaskEvents) await declarePidboxExchange(channel)
    if (heartbeat) this.#ask(channel, 'heartbeat')
    if (enableTaskEvents) this.#enable(channel)
  }

  #receive(delivery: Delivery): void {
    const now = this.#parts.clock.now()
    const decoded = decodeEvents(delivery)
    if (decoded.kind === 'malformed') {
      this.#refused += 1
      return
    }
    this.#refused += decoded.refused
    for (const event of decoded.events) {
      // Clients never learn of the cluster's clock, so theirs says nothing.
      const clock = event.type === 'task-sent' ? undefined : event.clock
      if (clock !== undefined) this.#lamport.adjust(clock)
      const arrived = { ...event, clock: clock ?? this.#lamport.tick(), local_received: now / 1000 }
      if (this.#wants(event.type)) this.#push(arrived)
    }
  }

  #wants(type: string): boolean {
    return this.#options.types?.some((pattern) => matchesGlob(type, pattern)) ?? true
  }

  #enable(channel: Channel): void {
    if (this.#end !== undefined || !channel.isOpen) return
    this.#ask(channel, 'enable_events')
    this.#asking?.cancel()
    this.#asking = this.#parts.clock.after(ENABLE_EVERY, () => this.#enable(channel))
  }

  #ask(channel: Channel, method: string): void {
    const request = encodeRequest({
      method,
      destination: this.#options.destination ?? null,
      clock: this.#lamport.tick(),
    })
    // There is no answer. Where it gets lost with the channel, the next one asks again.
    channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, request).catch(() => {})
  }
}

const DONE = { done: true, value: undefined } as const
