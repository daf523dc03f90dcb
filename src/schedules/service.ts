import { hostname } from 'node:os'
import type { Channel } from '../broker/broker.ts'
import type { Kept, Session } from '../broker/session.ts'
import { hintOf, messageOf, TwqError } from '../errors.ts'
import type { SendHooks } from '../plugins/send-hooks.ts'
import { type Companion, declareLeaderQueue, declareQuarantine } from '../queues/companions.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'
import type { DeclaredQueues } from '../sending/declared-queues.ts'
import { checkArguments } from '../sending/prepare-task.ts'
import type { Router } from '../sending/router.ts'
import { isTask } from '../tasks/brand.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import { type Entry, entryOf } from './entries/entry.ts'
import type { Schedules } from './entries/schedule.ts'
import { notAllowed, OutcomeLog } from './leader/answers.ts'
import { Lead } from './leader/lead.ts'
import type { LeadingParts } from './leader/leading.ts'
import { OccurrenceSender } from './leader/occurrence-sender.ts'
import { encodeAnnouncement } from './state/announcement.ts'
import { ENDED_EXCHANGE } from './state/ended-run.ts'
import { MESSAGE_TYPES, schedulesMessage, schedulesQueue } from './state/messages.ts'

/** The parts that a worker's share in the schedules works with. */
export interface SchedulesServiceParts {
  readonly namespace: string
  /** Those of the configuration. */
  readonly schedules: Schedules
  /** The tasks that are known here: arguments are checked against them. */
  readonly registry: Pick<TaskRegistry, 'get'>
  readonly node: string
  /** Publishes, and holds the state while it leads. */
  readonly session: Session
  /** Declares its queue. */
  readonly declaring: Pick<Session, 'withChannel'>
  /** Whether the task queues are quorum queues: that of the schedules is one then, too. */
  readonly isQuorum: () => Promise<boolean>
  readonly router: Router
  readonly queues: DeclaredQueues
  readonly sendHooks: SendHooks | undefined
  /** Whether the configuration allows this remote-control command. */
  readonly allows: (command: string) => boolean
  /** Hears of each task that was sent: its entry, how many milliseconds late, and when. */
  readonly onSent?: LeadingParts['onSent']
  /** Milliseconds between two heartbeats of the connection. */
  readonly heartbeat: number
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Milliseconds between two announcements, and how long one waits for a leader. */
const ANNOUNCE_EVERY = 60_000
const ANNOUNCEMENT_LIVES = 90_000
/** Milliseconds: a worker starts without it after that, and gets it later. */
const LONGEST_OPENING = 5_000
/** Milliseconds that noting what was sent, and closing the channel, may take. */
const LONGEST_LEAVE = 3_000
/** Unacknowledged messages of one that leads: enough for a take-over, and bounded. */
const PREFETCH = 20_000

/** A worker's share in the schedules of its namespace: announces those of its configuration, and leads when it is its turn. */
export class SchedulesService {
  readonly #parts: SchedulesServiceParts
  readonly #queue: string
  readonly #leadingParts: LeadingParts
  #entries: ReadonlyMap<string, Entry> = new Map()
  /** The queue as it is: its quarantine is a queue of that type. */
  #found: Pick<Companion, 'quorum'> = { quorum: false }
  #kept: Kept | undefined
  #lead: Lead | undefined
  #again: Timer | undefined
  #stopped = false

  constructor(parts: SchedulesServiceParts) {
    const { router, queues, sendHooks: hooks, clock, logger, node, allows } = parts
    this.#parts = parts
    this.#queue = schedulesQueue(parts.namespace)
    this.#leadingParts = {
      ...parts,
      queue: this.#queue,
      sender: new OccurrenceSender({
        queue: this.#queue,
        router,
        queues,
        hooks,
        origin: `gen${process.pid}@${hostname()}`,
        clock,
      }),
      declareQuarantine: () => declareQuarantine(parts.declaring, this.#queue, this.#found),
      async openChannel() {
        const { connection } = parts.session
        if (connection === undefined) throw new TwqError('TWQ_CONNECTION_LOST', 'there is no connection')
        return await connection.openChannel()
      },
      isForDevelopment: () => parts.session.connection?.server.builtInFor !== undefined,
      admit({ method }) {
        if (method !== 'list' && !allows(`schedule_${method}`)) throw notAllowed(method, node)
      },
      limits: { largest: Number.POSITIVE_INFINITY },
      log: new OutcomeLog(logger),
    }
  }

  /** Resolves when it has announced its entries, or after a while. Rejects with `TWQ_ARGUMENTS`, naming the entry, for one that its task does not take. */
  async start(): Promise<void> {
    const { session, clock, logger } = this.#parts
    this.#entries = await this.#readEntries()
    this.#kept = session.keep('schedules', (channel, gone) => this.#setUp(channel, gone), {
      onDown(error) {
        const fields = { event: 'schedules.unavailable' as const, error: error.message, hint: hintOf(error) }
        logger.warn(fields, 'this worker leads no schedules for now')
      },
    })
    const over = new AbortController()
    await Promise.race([this.#kept.ready.catch(() => {}), pause(clock, LONGEST_OPENING, over.signal)])
    over.abort()
  }

  /** Leads no more: another worker gets the state. Resolves after a while also where the broker confirms nothing: the drain of the worker comes after it. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#again?.cancel()
    const over = new AbortController()
    await Promise.race([this.#leave(), pause(this.#parts.clock, LONGEST_LEAVE, over.signal)])
    over.abort()
  }

  async #leave(): Promise<void> {
    await this.#lead?.stop()
    await this.#kept?.[Symbol.asyncDispose]()
  }

  async #readEntries(): Promise<ReadonlyMap<string, Entry>> {
    const { schedules, registry } = this.#parts
    const entries = new Map<string, Entry>()
    for (const [name, schedule] of Object.entries(schedules)) {
      const task = isTask(schedule.task) ? schedule.task : registry.get(schedule.task)
      try {
        if (task !== undefined) await checkArguments(task, schedule.args)
        entries.set(name, entryOf(name, schedule, task))
      } catch (error) {
        throw new TwqError('TWQ_ARGUMENTS', `schedules['${name}'] can't be sent: ${messageOf(error)}`, { cause: error })
      }
    }
    return entries
  }

  async #setUp(channel: Channel, gone: AbortSignal): Promise<void> {
    if (this.#stopped) return
    await this.#declare()
    await channel.prefetch(PREFETCH, 'consumer')
    const lead = new Lead(this.#leadingParts, channel)
    this.#lead = lead
    await channel.consume(this.#queue, (delivery) => lead.receive(delivery), {
      // The queue was deleted, or its node was lost: a new channel declares it again.
      onCancelled: () => lead.cancelled(),
    })
    await this.#announce(channel)
    if (!gone.aborted) this.#announceLater(channel, gone)
  }

  async #declare(): Promise<void> {
    const { declaring, isQuorum, logger } = this.#parts
    const found = await declareLeaderQueue(declaring, this.#queue, { quorum: await isQuorum() })
    if (found.difference !== undefined) {
      const fields = { event: 'schedules.differ' as const, queue: this.#queue, difference: found.difference.message }
      logger.info({ ...fields, hint: found.hint }, 'using the queue of schedules as it is')
    }
    this.#found = found
    await this.#leadingParts.declareQuarantine()
    await declaring
      .withChannel((channel) => channel.bind(this.#queue, ENDED_EXCHANGE, this.#queue))
      .catch((error: unknown) => {
        // Then no run tells of its end, and each is waited for as long as its entry says.
        if (!TwqError.is(error, 'TWQ_BROKER_PERMISSION')) throw error
      })
  }

  #announceLater(channel: Channel, gone: AbortSignal): void {
    this.#again?.cancel()
    this.#again = this.#parts.clock.after(ANNOUNCE_EVERY, () => {
      if (this.#stopped || gone.aborted) return
      // The error of the channel is logged where the channel ends.
      this.#announce(channel).catch(() => {})
      this.#announceLater(channel, gone)
    })
  }

  /** A worker without entries also announces that: in a new queue no worker leads until there is a message. */
  async #announce(channel: Channel): Promise<void> {
    const body = encodeAnnouncement(this.#parts.node, this.#entries)
    const properties = { expiration: String(ANNOUNCEMENT_LIVES), deliveryMode: 1 }
    const message = schedulesMessage(MESSAGE_TYPES.announcement, body, properties)
    await channel.publish({ exchange: '', routingKey: this.#queue }, message)
  }
}
