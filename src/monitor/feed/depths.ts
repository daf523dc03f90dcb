import type { Channel } from '../../broker/broker.ts'
import { inTime } from '../../broker/in-time.ts'
import type { Session } from '../../broker/session.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { failedQueue, quarantineQueue, suspectsQueue } from '../../protocol/companion-queues.ts'
import type { ManagedQueue, Management } from '../../queues/management.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { DepthRow } from '../answers/cluster.ts'

// Bounded, since names come from workers, too.
const MOST_QUEUES = 500
const MOST_DEPTHS = 120
// In milliseconds: querying a missing queue causes an error in the broker's log.
const MISSING_AGAIN = 60_000

/** The broker's latest answer about a queue. */
interface Known {
  readonly status: 'there' | 'missing' | 'down'
  /** By the monotonic clock. */
  readonly asked: number
  readonly ready: number | undefined
  readonly consumers: number | undefined
  readonly depths: readonly number[]
  readonly emptyAt: number | undefined
}

/** The number of messages in queues: queried on a separate channel, and nothing is created. */
export class Depths {
  readonly #session: Session
  readonly #clock: Clock
  readonly #management: Management | undefined
  readonly #known = new Map<string, Known>()
  #managed: ReadonlyMap<string, ManagedQueue> = new Map()
  #tasks: readonly string[] = []
  #asked: number | undefined
  #error: string | undefined

  constructor(session: Session, clock: Clock, management: Management | undefined) {
    this.#session = session
    this.#clock = clock
    this.#management = management
  }

  /** When the broker was last queried; seconds since the epoch. */
  get asked(): number | undefined {
    return this.#asked
  }

  /** Why it could not be queried, if so. */
  get error(): string | undefined {
    return this.#error
  }

  /** Every queue, a task queue before its companions. */
  get rows(): readonly DepthRow[] {
    const rows = this.#tasks.flatMap((name) => [
      this.#row(name, 'task'),
      this.#row(failedQueue(name), 'failed'),
      this.#row(quarantineQueue(name), 'quarantine'),
      this.#row(suspectsQueue(name), 'suspects'),
    ])
    return rows.filter(({ exists, kind, down }) => exists || down || kind === 'task')
  }

  /** Queries these task queues and their companions. Never rejects: `error` says why it failed. */
  async refresh(queues: Iterable<string>): Promise<void> {
    this.#tasks = [...new Set(queues)].sort().slice(0, MOST_QUEUES)
    const names = this.#tasks.flatMap((name) => [name, failedQueue(name), quarantineQueue(name), suspectsQueue(name)])
    const shown = new Set(names)
    for (const name of this.#known.keys()) if (!shown.has(name)) this.#known.delete(name)
    const now = this.#clock.monotonic()
    const due = names.filter((name) => {
      const known = this.#known.get(name)
      return known === undefined || known.status === 'there' || known.asked + MISSING_AGAIN <= now
    })
    try {
      await this.#ask(due, now)
      if (this.#management !== undefined) {
        this.#managed = new Map((await this.#management.queues()).map((queue) => [queue.name, queue]))
      }
      this.#asked = this.#clock.now() / 1000
      this.#error = undefined
    } catch (error) {
      const isAway = this.#session.connection === undefined
      this.#error = isAway ? 'there is no connection to the broker' : messageOf(error)
    }
  }

  async #ask(names: readonly string[], now: number): Promise<void> {
    const left = [...names]
    while (left.length > 0) {
      // One channel for all, and a new one after each missing queue, since the broker closes the channel.
      await this.#session.withChannel(
        async (channel) => {
          for (let name = left.shift(); name !== undefined; name = left.shift()) {
            if (!(await this.#inspect(channel, name, now))) return
          }
        },
        { signal: AbortSignal.timeout(10_000) },
      )
    }
  }

  /** False if the channel can't be used any more. */
  async #inspect(channel: Channel, name: string, now: number): Promise<boolean> {
    const before = this.#known.get(name)
    try {
      const { messages, consumers } = await inTime(channel.inspectQueue(name), this.#clock)
      const depths = [...(before?.depths ?? []), messages].slice(-MOST_DEPTHS)
      const emptyAt = messages === 0 ? this.#clock.now() / 1000 : before?.emptyAt
      this.#known.set(name, { status: 'there', asked: now, ready: messages, consumers, depths, emptyAt })
      return true
    } catch (error) {
      if (!TwqError.is(error, 'TWQ_QUEUE_MISSING', 'TWQ_QUEUE_DOWN')) throw error
      const status = error.code === 'TWQ_QUEUE_DOWN' ? 'down' : 'missing'
      this.#known.set(name, {
        status,
        asked: now,
        ready: undefined,
        consumers: undefined,
        depths: before?.depths ?? [],
        // Messages may reach it on another way, once it exists again.
        emptyAt: undefined,
      })
      return false
    }
  }

  #row(name: string, kind: DepthRow['kind']): DepthRow {
    const known = this.#known.get(name)
    const managed = this.#managed.get(name)
    return {
      name,
      kind,
      exists: known?.status === 'there',
      down: known?.status === 'down',
      ready: known?.ready,
      consumers: known?.consumers,
      depths: known?.depths ?? [],
      unacknowledged: managed?.unacked,
      published: managed?.published,
      delivered: managed?.delivered,
      type: managed?.type,
      emptyAt: known?.emptyAt,
      headTime: managed?.headTime,
    }
  }
}
