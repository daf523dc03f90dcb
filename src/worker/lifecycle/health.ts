import type { Session, SessionEvent } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { type Finding, type HealthLimits, judge, type VitalSigns } from '../../metrics/health.ts'
import { HealthServer } from '../../metrics/health-server.ts'
import { type ConnectionRole, createInstruments, type EndState, type Instruments } from '../../metrics/instruments.ts'
import { QueueDepths } from '../../metrics/queue-depths.ts'
import { queueWait } from '../../metrics/queue-wait.ts'
import { failedQueue, quarantineQueue } from '../../protocol/companion-queues.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { packageVersion } from '../../runtime/own-package.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Consumer } from '../consume/queue-consumer.ts'
import type { WorkerObserver } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { TaskCounters } from '../request/task-counters.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import type { LoopWatch } from '../run/loop-watch.ts'
import type { PoolSize } from '../run/pool-size.ts'
import type { KeptOutcomes } from '../settle/kept-outcomes.ts'
import type { UnconfirmedWatch } from '../settle/unconfirmed-watch.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { ConsumerChannels } from './consumer-channels.ts'
import type { WorkerReport } from './worker.ts'

/** The sources for a worker's health. */
export interface WorkerHealthParts {
  readonly config: Config
  /** The names that may become labels of metrics. */
  readonly tasks: readonly string[]
  readonly consuming: Session
  readonly publishing: Session
  readonly consumer: Consumer
  readonly aside: Pick<HeldAside, 'signs'>
  readonly channels: ConsumerChannels
  readonly loopWatch: LoopWatch
  readonly kept: Pick<KeptOutcomes, 'signs'>
  readonly unconfirmed: Pick<UnconfirmedWatch, 'waiting'>
  readonly table: RequestTable
  readonly taskCounters: TaskCounters
  readonly prefetch: Prefetch
  readonly poolSize: Pick<PoolSize, 'size'>
  readonly dispatcher: Pick<Dispatcher, 'running'>
  /** Opens the channels for querying the depths of queues. */
  readonly declaring: Pick<Session, 'withChannel'>
  readonly clock: Clock
  readonly logger: EventLogger
}

// A loop that is blocked for longer also delays heartbeats and probes.
const LOOP_LAG = 5_000
// A line of the log has an end.
const MOST_REPORTED = 100
// The time that stopping may take besides its two waits: returning messages, closing connections.
const CLOSING = 10_000

/** Answers probes, and, if `health` has an address, counts metrics for Prometheus. */
export class WorkerHealth implements WorkerObserver {
  readonly #parts: WorkerHealthParts
  readonly #server: HealthServer
  readonly #limits: HealthLimits
  #started = false
  #stoppingSince: number | undefined
  #instruments: Instruments | undefined

  constructor(parts: WorkerHealthParts) {
    this.#parts = parts
    const { config, logger } = parts
    this.#limits = {
      heartbeat: config.heartbeat,
      loopLag: LOOP_LAG,
      stopping: config.shutdown.grace + config.shutdown.abort + CLOSING,
    }
    const source = {
      node: config.nodeName,
      judge: (probe: 'live' | 'ready' | 'started') => judge(probe, this.#signs(), this.#limits),
      warnings: () => this.#warnings(),
      info: () => this.#info(),
      metrics: async () => await this.#instruments?.read(),
    }
    this.#server = new HealthServer(source, logger)
  }

  /** Answers probes from now on. Rejects with `TWQ_HEALTH_ADDRESS`. */
  async open(): Promise<void> {
    const { config, consuming, publishing } = this.#parts
    if (config.health !== undefined) {
      this.#instruments = await this.#createInstruments()
      consuming.listen((event) => this.#heard('consumer', event))
      publishing.listen((event) => this.#heard('publisher', event))
      await this.#server.listen(config.health)
    }
    await this.#server.listenLocally()
  }

  /** The worker consumes. */
  ready(): void {
    this.#started = true
  }

  /** The worker accepts no more: from now on it is not ready. */
  stopping(): void {
    this.#stoppingSince ??= this.#parts.clock.monotonic()
  }

  async close(): Promise<void> {
    await this.#server[Symbol.asyncDispose]()
  }

  /** An attempt has ended. */
  settled(request: Request, outcome: Outcome): void {
    if (this.#instruments === undefined) return
    this.#instruments.ended(
      request.message.task,
      STATES[outcome.kind],
      'runtime' in outcome ? outcome.runtime : undefined,
    )
    const { receivedAt, startedAt, message } = request
    const { properties, eta } = message
    const wait = queueWait({ sentAt: properties.timestamp, receivedAt, eta, startedAt })
    if (wait !== undefined) this.#instruments.waited(message.task, wait.from, wait.waited)
  }

  /** The message of a failed task was kept. */
  kept(task: string): void {
    this.#instruments?.kept(task)
  }

  /** A message was set aside. */
  quarantined(task: string | undefined): void {
    this.#instruments?.quarantined(task)
  }

  /** The broker delivered a message not for the first time. */
  redelivered(): void {
    this.#instruments?.redelivered()
  }

  /** A scheduled task was sent. */
  scheduled(schedule: string, lag: number, sentAt: number): void {
    this.#instruments?.scheduled(schedule, lag, sentAt)
  }

  /** A report of the current state, including tasks. */
  report(): WorkerReport {
    const { table, clock } = this.#parts
    const { consumer, publisher, aside, loopLag, outcomes } = this.#signs()
    const now = clock.now()
    return {
      ...this.#info(),
      failing: judge('ready', this.#signs(), this.#limits),
      consuming: consumer.consuming,
      answered_ago_ms: consumer.answeredAgo,
      connected: { consumer: consumer.connected, publisher: publisher.connected },
      blocked: publisher.blocked,
      held_aside: aside.held,
      loop_lag_ms: loopLag,
      unsettled: outcomes.kept,
      tasks: table
        .all()
        .slice(0, MOST_REPORTED)
        .map(({ message, state, startedAt, queue }) => ({
          task: message.task,
          task_id: message.id,
          queue,
          state,
          running_ms: startedAt === undefined ? undefined : now - startedAt,
        })),
    }
  }

  #heard(role: ConnectionRole, event: SessionEvent): void {
    // The first connection is not a reconnect.
    if (event.kind === 'connected' && this.#started) this.#instruments?.reconnected(role)
  }

  #signs(): VitalSigns {
    const { consuming, publishing, consumer, aside, channels, loopWatch, kept, clock } = this.#parts
    const now = clock.monotonic()
    const since = (at: number | undefined): number | undefined => (at === undefined ? undefined : Math.round(now - at))
    return {
      started: this.#started,
      stoppingFor: since(this.#stoppingSince),
      consumer: {
        connected: consuming.connected,
        trouble: consuming.trouble?.message,
        wanted: consumer.queues.map(({ name }) => name),
        consuming: channels.consuming ? consumer.consuming : [],
        answeredAgo: since(channels.answeredAt),
        troubles: channels.troubles,
      },
      publisher: {
        connected: publishing.connected,
        trouble: publishing.trouble?.message,
        blocked: publishing.connection?.blocked,
      },
      aside: aside.signs,
      loopLag: Math.round(loopWatch.lag),
      outcomes: kept.signs,
    }
  }

  /** What is wrong, and makes no other worker better. */
  #warnings(): readonly Finding[] {
    const { waiting } = this.#parts.unconfirmed
    if (waiting === undefined) return []
    const { exchange, routingKey } = waiting.route
    const why = `no confirm for ${waiting.ms} ms of a message to exchange "${exchange}" with routing key "${routingKey}"`
    return [{ check: 'publisher', why }]
  }

  #passes(probe: 'live' | 'ready'): boolean {
    return judge(probe, this.#signs(), this.#limits).length === 0
  }

  #info() {
    const { config, consumer, table, taskCounters, poolSize } = this.#parts
    return {
      node: config.nodeName,
      pid: process.pid,
      version: packageVersion(),
      node_version: process.versions.node,
      uptime: Math.floor(taskCounters.uptime / 1000),
      pool: config.pool,
      concurrency: poolSize.size,
      queues: consumer.queues.map(({ name }) => name),
      live: this.#passes('live'),
      ready: this.#passes('ready'),
      active: table.inState('active').length,
      reserved: table.inState('reserved').length,
      held: table.inState('held').length,
      processed: taskCounters.processed,
    }
  }

  #createInstruments(): Promise<Instruments> {
    const { tasks, consuming, publishing, declaring, consumer, loopWatch, table, prefetch } = this.#parts
    const { poolSize, dispatcher, config, clock } = this.#parts
    const depths = new QueueDepths({ session: declaring, clock })
    return createInstruments({
      version: packageVersion(),
      tasks,
      schedules: Object.keys(config.schedules ?? {}),
      active: () => table.inState('active').length,
      reserved: () => table.inState('reserved').length,
      held: () => table.inState('held').length,
      prefetch: () => prefetch.count,
      slots: () => poolSize.size,
      busy: () => dispatcher.running,
      depths: async () =>
        depthsOf(
          depths,
          consumer.queues.map(({ name }) => name),
        ),
      connected: (role) => (role === 'consumer' ? consuming : publishing).connected,
      ready: () => this.#passes('ready'),
      loopLag: () => loopWatch.lag,
    })
  }
}

/** By the names of the task queues; queues that do not exist are left out, for example that of failures if none are kept. */
async function depthsOf(depths: QueueDepths, names: readonly string[]) {
  const known = await depths.read(names.flatMap((name) => [name, quarantineQueue(name), failedQueue(name)]))
  const by = (queueOf: (name: string) => string): ReadonlyMap<string, number> =>
    new Map(
      names.flatMap((name) => {
        const messages = known.get(queueOf(name))
        return messages === undefined ? [] : [[name, messages] as const]
      }),
    )
  return { queues: by((name) => name), quarantines: by(quarantineQueue), failures: by(failedQueue) }
}

const STATES: Readonly<Record<Outcome['kind'], EndState>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  retry: 'retried',
  'timed-out': 'timeout',
  rejected: 'rejected',
  ignored: 'ignored',
  replaced: 'ignored',
  revoked: 'revoked',
  lost: 'lost',
  interrupted: 'interrupted',
}
