import type { Session } from '../../broker/session.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { type EventStream, receiveEvents } from '../../events/receiver.ts'
import type { Management } from '../../queues/management.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock, Timer } from '../../runtime/time/clock.ts'
import type { MonitorStore } from '../store/monitor-store.ts'
import { BrokerLink, type HeardBefore } from './broker-link.ts'
import type { Changes } from './changes.ts'
import { Depths } from './depths.ts'
import { Inspections } from './inspections.ts'
import { PassingTime } from './passing-time.ts'

/** The parts of a feed. */
export interface FeedParts {
  readonly session: Session
  readonly clock: Clock
  readonly store: MonitorStore
  readonly changes: Changes
  /** The queues that are always shown. */
  readonly queues: readonly string[]
  readonly management: Management | undefined
  /** Makes workers that were started without task events send them. */
  readonly enableTaskEvents: boolean
  readonly logger: EventLogger | undefined
  /** What an earlier monitor has received, whose tasks are stored. */
  readonly before: HeardBefore | undefined
}

/** Milliseconds between two queries of the queues' depths. */
export const DEPTHS_EVERY = 5_000
const TIME_EVERY = 1_000
const INSPECT_EVERY = 30_000
// A new worker is queried soon, and many new ones are queried together. All workers answer each query: if new ones come all the time,
// which is also how more workers look than are remembered, there is a pause between two queries.
const INSPECT_SOON = 1_000
const INSPECT_PAUSE = 5_000
const STOP_PATIENCE = 2_000
// Names come from the wire.
const MOST_RETURNED = 5_000
// Twenty seconds of events of a busy cluster, in case this machine is busy; never more than 64 MiB.
const MOST_WAITING = 100_000

/** Fills the store: with the events of all workers, their answers, and the depths of their queues. */
export class Feed {
  readonly inspections: Inspections
  readonly depths: Depths
  readonly link: BrokerLink
  readonly #parts: FeedParts
  readonly #stream: EventStream
  readonly #time: PassingTime
  readonly #timers = new Map<string, { readonly due: number; readonly timer: Timer }>()
  /** When the last query of all workers ended, by the monotonic clock. */
  #inspected = Number.NEGATIVE_INFINITY
  /** The workers that sent events or answered since events were last missed; undefined if none were missed. */
  #returned: Set<string> | undefined
  #missedSince: number | undefined
  #closed = false

  constructor(parts: FeedParts) {
    this.#parts = parts
    const { session, clock, changes } = parts
    this.inspections = new Inspections(session, clock)
    this.#time = new PassingTime(parts.store)
    this.depths = new Depths(session, clock, parts.management)
    this.link = new BrokerLink(
      session,
      () => clock.now() / 1000,
      parts.before,
      ({ back }) => {
        changes.touch('broker')
        if (back === undefined) return
        this.#missedSince = back.from
        this.#returned = new Set()
        void this.#catchUp()
      },
    )
    this.#stream = receiveEvents(
      { session, clock },
      { enableTaskEvents: parts.enableTaskEvents, mostWaiting: MOST_WAITING },
    )
  }

  /** Events that arrived faster than they could be processed, and unreadable ones. */
  get lost(): { readonly dropped: number; readonly refused: number } {
    const { dropped, refused } = this.#stream
    return { dropped, refused }
  }

  /** Starts, even if the broker is not reachable yet: it is waited for. */
  start(): void {
    const { session } = this.#parts
    void this.#fold()
    session.start().catch((error: unknown) => this.#refuse(error))
    this.#stream.ready.then(
      () => {
        // After missed events, the new connection has changed that.
        if (this.#returned === undefined) void this.#catchUp()
        void this.#lookAtQueues()
      },
      () => {},
    )
    void this.#watchTime()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const { timer } of this.#timers.values()) timer.cancel()
    await this.#stream[Symbol.asyncDispose]()
    await this.#parts.session.stop({ deadline: AbortSignal.timeout(STOP_PATIENCE) })
  }

  async #fold(): Promise<void> {
    const { store, changes } = this.#parts
    let versions = store.versions
    try {
      for await (const event of this.#stream) {
        const isNew = event.type.startsWith('worker-') && !store.workers.has(event.hostname)
        store.apply(event)
        if (store.versions.tasks !== versions.tasks) changes.touch('tasks')
        if (store.versions.workers !== versions.workers) changes.touch('workers')
        versions = store.versions
        if (event.type.startsWith('worker-')) this.#hearAgain(event.hostname)
        if (isNew) this.#inspectSoon()
      }
    } catch (error) {
      this.#refuse(error)
    }
  }

  #refuse(error: unknown): void {
    if (this.#closed || TwqError.is(error, 'TWQ_CLOSED')) return
    this.link.refuse(error)
    this.#parts.changes.touch('broker')
    this.#parts.logger?.error({ event: 'monitor.refused', error: messageOf(error) }, 'the broker cannot be used')
  }

  async #catchUp(): Promise<void> {
    await this.#attempt(async () => {
      const returned = this.#returned
      for (const name of await this.inspections.catchUp(this.#parts.store, this.#missedSince)) returned?.add(name)
      this.#parts.changes.touch('tasks')
      await this.#inspect()
    })
  }

  /**
   * A worker that returns after missed events may reconnect later than the monitor, and has not been asked for its tasks then.
   */
  #hearAgain(worker: string): void {
    if (this.#returned === undefined || this.#returned.has(worker) || this.#returned.size >= MOST_RETURNED) return
    this.#returned.add(worker)
    this.#later('catch-up', INSPECT_SOON, () => this.#catchUp())
  }

  #inspectSoon(): void {
    const rested = this.#inspected + INSPECT_PAUSE - this.#parts.clock.monotonic()
    this.#later('inspect', Math.max(INSPECT_SOON, rested), () => this.#inspect())
  }

  async #inspect(): Promise<void> {
    await this.#attempt(() => this.inspections.refresh())
    this.#inspected = this.#parts.clock.monotonic()
    this.#parts.changes.touch('workers')
    this.#later('inspect', INSPECT_EVERY, () => this.#inspect())
  }

  async #watchTime(): Promise<void> {
    const { clock, changes } = this.#parts
    for (const topic of this.#time.changed(clock.now() / 1000)) changes.touch(topic)
    this.#later('time', TIME_EVERY, () => this.#watchTime())
  }

  async #lookAtQueues(): Promise<void> {
    const before = pictureOf(this.depths)
    await this.depths.refresh(this.#queues())
    if (pictureOf(this.depths) !== before) this.#parts.changes.touch('queues')
    this.#later('depths', DEPTHS_EVERY, () => this.#lookAtQueues())
  }

  #queues(): readonly string[] {
    const consumed = [...this.inspections.answers.values()].flatMap(({ queues }) => queues.map(({ name }) => name))
    return [...this.#parts.queues, ...consumed].filter((name) => name !== '')
  }

  /** Without a connection or a worker there is nothing to query: the page says so itself. */
  async #attempt(ask: () => Promise<void>): Promise<void> {
    try {
      await ask()
    } catch (error) {
      if (!this.#closed) this.#parts.logger?.debug({ error: messageOf(error) }, 'workers could not be asked')
    }
  }

  /** Runs it at the earliest moment that was asked for: requests that come again and again must not put it off. */
  #later(what: string, ms: number, run: () => Promise<void>): void {
    if (this.#closed) return
    const { clock } = this.#parts
    const due = clock.monotonic() + ms
    const known = this.#timers.get(what)
    if (known !== undefined && known.due <= due) return
    known?.timer.cancel()
    const timer = clock.after(ms, () => {
      this.#timers.delete(what)
      void run()
    })
    this.#timers.set(what, { due, timer })
  }
}

/** The values of the depths that a page draws: a repeated value changes nothing. */
function pictureOf({ rows, error }: Depths): string {
  return JSON.stringify([rows.map((row) => ({ ...row, depths: levelOf(row.depths), emptyAt: undefined })), error])
}

function levelOf(depths: readonly number[]): readonly number[] | number | undefined {
  return depths.every((depth) => depth === depths[0]) ? depths[0] : depths
}
