import { setImmediate } from 'node:timers/promises'
import type { Broker, Channel, Connection } from '../../broker/broker.ts'
import { ChannelSet } from '../../broker/channels/channel-set.ts'
import { answeringInTime } from '../../broker/in-time.ts'
import { type Liveness, watchLiveness } from '../../broker/liveness.ts'
import { type QueueWatch, watchQueues } from '../../broker/queue-watch.ts'
import type { Kept, Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { type Deferred, deferred } from '../../runtime/time/deferred.ts'
import { pause } from '../../runtime/time/pause.ts'
import { consumerLog } from '../consume/consumer-log.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { DeliveryReceiver } from '../consume/queue-consumers.ts'
import type { Suspects } from '../consume/suspects.ts'
import type { HeldMessage } from '../quarantine/republisher.ts'
import type { RemoteControl } from '../remote/remote-control.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import type { HarmlessReturns } from '../request/harmless-returns.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { RecentAcks } from '../request/recent-acks.ts'
import type { RequestTable } from '../request/request-table.ts'

/** The parts that the channels of a worker need. */
export interface ConsumerChannelsParts {
  readonly config: Config
  readonly broker: Broker
  readonly session: Session
  readonly declaring: Pick<Session, 'withChannel'>
  readonly consumer: Consumer
  readonly suspects: Suspects
  readonly table: RequestTable
  /** The messages that were lost with a channel while this process lived. */
  readonly harmlessReturns: HarmlessReturns
  readonly finished: FinishedAttempts
  readonly recentAcks: RecentAcks
  readonly prefetch: Pick<Prefetch, 'most'>
  readonly clock: Clock
  readonly logger: EventLogger
}

// In milliseconds: a mailbox that can't be set up delays no tasks, and neither do other workers that don't answer.
const LONGEST_MAILBOX = 1_000
const LONGEST_MINGLING = 5_000
const LONGEST_SUSPECTS = 5_000

/** The parts that use the channels, and are created after them. */
export interface Served {
  readonly intake: DeliveryReceiver
  readonly remote: RemoteControl
}

/** The channels on which a worker consumes, each set up anew whenever it was lost: suspects, tasks, remote control. */
export class ConsumerChannels {
  readonly #parts: ConsumerChannelsParts
  readonly #kept: { tasks?: Kept<ChannelSet>; suspects?: Kept } = {}
  #liveness: Liveness | undefined
  #watch: QueueWatch | undefined
  /** The newest connection, and whether the other workers' revocations are known there. */
  #mingling: { readonly on: Connection; readonly done: Deferred<void>; asked: boolean } | undefined

  constructor(parts: ConsumerChannelsParts) {
    this.#parts = parts
  }

  /** Resolves when those of tasks consume; remote control may come later. The worker has mingled before, on its first connection. */
  async open({ intake: receiver, remote }: Served): Promise<void> {
    const { config, session, consumer, suspects, clock, logger } = this.#parts
    if (session.connection !== undefined) {
      const mingling = this.#minglingOn(session.connection)
      mingling.asked = true
      mingling.done.resolve()
    }
    this.#kept.suspects = session.keep('suspects', async (channel, signal) => {
      signal.addEventListener('abort', () => this.#noteHarmlessReturns(), { once: true })
      await this.#untilMingled(signal)
      await suspects.setup(channel, signal, { server: this.#current().server, receiver })
    })
    this.#kept.tasks = session.keepOpened('consumer', {
      open: ChannelSet.open,
      setup: async (channel, signal) => {
        signal.addEventListener('abort', () => this.#noteHarmlessReturns(), { once: true })
        await this.#untilMingled(signal)
        const connection = this.#current()
        this.#liveness = undefined
        await consumer.setup(channel, signal, { server: connection.server, receiver })
        this.#watch = watchQueues({
          session: answeringInTime(session, clock),
          consuming: () => consumer.consuming,
          clock,
          every: config.heartbeat,
          onTrouble: (queue, error) => consumerLog(logger, queue).doubtful(error),
          onWell: (queue) => consumerLog(logger, queue).proven(),
          signal,
        })
        this.#liveness = watchLiveness({ connection, channel, clock, heartbeatMs: config.heartbeat, signal })
      },
    })
    const suspectsReady = within(clock, LONGEST_SUSPECTS, this.#kept.suspects.ready)
    await Promise.all([this.#keepMailbox(remote), suspectsReady, this.#kept.tasks.ready])
  }

  /** Resolves when it is set up, can't be set up for now, or takes too long: it is set up as soon as possible. */
  #keepMailbox(remote: RemoteControl): Promise<void> {
    const { session, declaring, clock } = this.#parts
    const tried = deferred<void>()
    const setup = async (channel: Channel, signal: AbortSignal): Promise<void> => {
      const connection = this.#current()
      const over = remote.setup(channel, connection.server, { apart: declaring, over: signal }).finally(tried.resolve)
      over.catch(() => {})
      await Promise.race([over, pause(clock, LONGEST_MAILBOX, signal)]).finally(() => this.#mingle(connection, remote))
      await over
    }
    session.keep('mailbox', setup, { onDown: (error) => remote.unavailable(error) })
    clock.after(LONGEST_MAILBOX, tried.resolve)
    return tried.promise
  }

  /** Whether the channel of the tasks is open, and set up. */
  get consuming(): boolean {
    return this.#kept.tasks?.up === true
  }

  /** When the broker last answered on it, on the clock's monotonic scale. */
  get answeredAt(): number | undefined {
    return this.#liveness?.answeredAt
  }

  /** Why nothing arrives from a consumed queue, by its name. */
  get troubles(): ReadonlyMap<string, string> {
    return this.#watch?.troubles ?? new Map()
  }

  /**
   * Whether nothing waits in the task queues, and all delivered messages have arrived here. False while there is no channel to
   * ask on.
   */
  async areEmpty(): Promise<boolean> {
    try {
      for (const queue of this.#parts.consumer.consuming) {
        // On one channel, an answer comes after earlier deliveries.
        const status = await this.#kept.tasks?.channel?.inspectQueue(queue)
        if (status === undefined || status.messages > 0) return false
      }
      return this.consuming
    } catch {
      return false
    }
  }

  /** Resolves when the broker has processed all acknowledgements so far: it answers a later request after them. */
  async acknowledged({ source, queue }: HeldMessage): Promise<void> {
    await setImmediate()
    await this.#kept[source]?.channel?.inspectQueue(queue)
  }

  /**
   * Celery's mingle: on each new connection, before tasks arrive, the other workers are asked for missed revocations. Our own
   * mailbox exists then, and its answer ends the wait early if there is no other worker.
   */
  #mingle(connection: Connection, remote: RemoteControl): void {
    const { broker } = this.#parts
    const mingling = this.#minglingOn(connection)
    if (mingling.asked) return
    mingling.asked = true
    void remote.mingle(broker).then(mingling.done.resolve)
  }

  async #untilMingled(signal: AbortSignal): Promise<void> {
    const { promise } = this.#minglingOn(this.#current()).done
    await Promise.race([promise, pause(this.#parts.clock, LONGEST_MINGLING, signal)])
  }

  #minglingOn(connection: Connection) {
    if (this.#mingling?.on !== connection) this.#mingling = { on: connection, done: deferred(), asked: false }
    return this.#mingling
  }

  /** The connection that a channel was just opened on. */
  #current(): Connection {
    const { connection } = this.#parts.session
    if (connection === undefined) throw new TwqError('TWQ_CONNECTION_LOST', 'the connection is gone again')
    return connection
  }

  /** Records the requests that were lost with a channel: their redelivery is not counted as the death of a worker. */
  #noteHarmlessReturns(): void {
    const { table, harmlessReturns, finished, recentAcks, prefetch, consumer } = this.#parts
    // Each queue may have a limit of its own, and its suspects another.
    const unanswered = prefetch.most === 0 ? 0 : (prefetch.most + 1) * Math.max(1, consumer.queues.length)
    for (const acknowledged of recentAcks.newest(unanswered)) finished.addAcknowledged(acknowledged)
    for (const request of table.all()) {
      if (request.takenBack) harmlessReturns.add(request)
    }
  }
}

/** Waits for `work` for a limited time; rejects as it does. */
async function within(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  const over = new AbortController()
  await Promise.race([work, pause(clock, ms, over.signal)]).finally(() => over.abort())
}
