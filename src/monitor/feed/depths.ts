import type { Channel } from '../../broker/broker.ts'
import { inTime } from '../../broker/in-time.ts'
import type { Session } from '../../broker/session.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { failedQueue, quarantineQueue, suspectsQueue } from '../../protocol/companion-queues.ts'
import type { ManagedQueue, Management } from '../../queues/management.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { DepthRow } from '../answers/cluster.ts'

// Names come from workers, too.
const MOST_QUEUES = 500
const MOST_DEPTHS = 120
// A question about a queue that is missing is an error in the broker's log.
const MISSING_AGAIN = 60

/** What the broker said of a queue last. */
interface Known {
  readonly status: 'there' | 'missing' | 'down'
  readonly asked: number
  readonly ready: number | undefined
  readonly consumers: number | undefined
  readonly depths: readonly number[]
  readonly emptyAt: number | undefined
}

/** How many messages lie in queues: asked for on a channel of its own, and nothing is created. */
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

  /** When the broker was asked last; seconds since the epoch. */
  get asked(): number | undefined {
    return this.#asked
  }

  /** Why it could not be asked, where it could not. */
  get error(): string | undefined {
    return this.#error
  }

  /** Every queue, a task queue before what belongs to it. */
  get rows(): readonly DepthRow[] {
    const rows = this.#tasks.flatMap((name) => [
      this.#row(name, 'task'),
      this.#row(failedQueue(name), 'failed'),
      this.#row(quarantineQueue(name), 'quarantine'),
      this.#row(suspectsQueue(name), 'suspects'),
    ])
    return rows.filter(({ exists, kind, down }) => exists || down || kind === 'task')
  }

  /** Asks about these task queues and what belongs to them. Never rejects: `error` says why not. */
  async refresh(queues: Iterable<string>): Promise<void> {
    this.#tasks = [...new Set(queues)].sort().slice(0, MOST_QUEUES)
    const names = this.#tasks.flatMap((name) => [name, failedQueue(name), quarantineQueue(name), suspectsQueue(name)])
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name)
    const now = this.#clock.now() / 1000
    const due = names.filter((name) => {
      const known = this.#known.get(name)
      return known === undefined || known.status === 'there' || known.asked + MISSING_AGAIN <= now
    })
    try {
      await this.#ask(due, now)
      if (this.#management !== undefined) {
        this.#managed = new Map((await this.#management.queues()).map((queue) => [queue.name, queue]))
      }
      this.#asked = now
      this.#error = undefined
    } catch (error) {
      const isAway = this.#session.connection === undefined
      this.#error = isAway ? 'there is no connection to the broker' : messageOf(error)
    }
  }

  async #ask(names: readonly string[], now: number): Promise<void> {
    const left = [...names]
    while (left.length > 0) {
      // One channel for all, and another one after each queue that is missing: the broker closes it then.
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

  /** False where the channel is of no more use. */
  async #inspect(channel: Channel, name: string, now: number): Promise<boolean> {
    const before = this.#known.get(name)
    try {
      const { messages, consumers } = await inTime(channel.inspectQueue(name), this.#clock)
      const depths = [...(before?.depths ?? []), messages].slice(-MOST_DEPTHS)
      const emptyAt = messages === 0 ? now : before?.emptyAt
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
        // Messages may come to it by another way, once it is there again.
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
