import type { Broker } from '../../broker/broker.ts'
import type { DeclaringChannels } from '../../broker/channels/declaring-channels.ts'
import { ensureMayPublish } from '../../broker/probe-publishing.ts'
import { quorumHeedsPriorities } from '../../broker/server-version.ts'
import type { Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import type { EventPublisher } from '../../events/publisher.ts'
import type { Pool } from '../../pool/pool.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { deferred } from '../../runtime/time/deferred.ts'
import { unlessAborted } from '../../runtime/time/time-limit.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { ConsumerTimeouts } from '../consume/consumer-timeouts.ts'
import type { Declarations } from '../consume/declarations.ts'
import type { Isolation } from '../quarantine/isolation.ts'
import type { RemoteControl } from '../remote/remote-control.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Revocations } from '../request/revocations.ts'
import type { Autoscaler } from '../run/autoscaler.ts'
import type { LoopWatch } from '../run/loop-watch.ts'
import type { PoolSize } from '../run/pool-size.ts'
import type { ChordJoins } from '../settle/chord-joins.ts'
import { AbsenceLog } from './absence-log.ts'
import type { ConsumerChannels } from './consumer-channels.ts'
import type { WorkerHealth } from './health.ts'
import { longTasks } from './long-tasks.ts'
import { lostPriorities } from './lost-priorities.ts'
import type { Outbound } from './outbound.ts'
import { logSession } from './session-log.ts'
import { drain, type ShutdownParts } from './shutdown.ts'
import type { StateFile } from './state-file.ts'
import type { Worker } from './worker.ts'

/** What starts and stops with a worker. */
export interface RunningWorkerParts extends Omit<ShutdownParts, 'grace' | 'abort'> {
  readonly config: Config
  readonly registry: TaskRegistry
  readonly broker: Broker
  /** Whether the process is looked after as well: by probes, and by a watch on its event loop. */
  readonly watched: boolean
  readonly consuming: Session
  readonly declaring: DeclaringChannels
  readonly outbound: Outbound
  readonly chordJoins: ChordJoins | undefined
  readonly channels: ConsumerChannels
  readonly declarations: Declarations
  readonly timeouts: ConsumerTimeouts
  readonly pool: Pool
  readonly isolation: Isolation
  readonly poolSize: PoolSize
  readonly autoscaler: Autoscaler | undefined
  readonly prefetch: Prefetch
  readonly remote: RemoteControl
  readonly events: EventPublisher
  readonly health: WorkerHealth
  readonly loopWatch: LoopWatch
  readonly stateFile: StateFile | undefined
  readonly revocations: Revocations
  /** Is aborted when the worker begins to leave. */
  readonly leaving: AbortController
  readonly clock: Clock
  readonly logger: EventLogger
}

// How long closing the connections may take, in milliseconds.
const CLOSING_TIME = 2_000

/** A worker's parts from their start to their end, each in its turn. */
export class RunningWorker implements Worker {
  readonly node: string
  readonly #parts: RunningWorkerParts
  readonly #skipGrace = new AbortController()
  readonly #skipAbort = new AbortController()
  readonly #stopped = deferred<'clean' | 'forced'>()
  #stopping: Promise<'clean' | 'forced'> | undefined
  #failure: Error | undefined
  #isUp = false

  constructor(parts: RunningWorkerParts) {
    this.node = parts.config.nodeName
    this.#parts = parts
    // Without a handler the rejection would end the process; it is logged in any case.
    this.stopped.catch(() => {})
  }

  get stopped(): Promise<'clean' | 'forced'> {
    return this.#stopped.promise
  }

  /** True once it has consumed. */
  get isUp(): boolean {
    return this.#isUp
  }

  report(): Readonly<Record<string, unknown>> {
    return this.#parts.health.report()
  }

  async start(): Promise<void> {
    const { config, registry, broker, watched, consuming, chordJoins, timeouts, pool, remote, clock, logger } =
      this.#parts
    const { publishing, results } = this.#parts.outbound
    const { health, loopWatch, autoscaler, channels, events, stateFile, revocations, poolSize, prefetch } = this.#parts
    const startedAt = clock.monotonic()
    const { acks } = config
    const queues = config.queues.map(({ name }) => name)
    logger.info(
      { event: 'worker.starting', broker: redactUrl(config.broker), queues, tasks: registry.names() },
      'starting',
    )
    if (watched) await health.open()
    const saved = await stateFile?.load()
    if (saved !== undefined) revocations.restore(saved)
    const absence = new AbsenceLog({ clock, logger, terminal: process.stderr.isTTY === true })
    const log = { logger, absence, timeouts }
    for (const [role, session] of [['consumer', consuming] as const, ['publisher', publishing] as const]) {
      session.listen((event) => {
        logSession(log, role, event)
        if (event.kind === 'failed') this.#fail(event.error)
      })
    }
    // Without it every task would run and none could be settled.
    const mayPublish = publishing.start().then(() => ensureMayPublish(broker, `${this.node} probe`))
    await Promise.all([mayPublish, consuming.start(), pool.start(), results.service?.start()])
    if (watched) loopWatch.start()
    autoscaler?.start()
    await remote.mingle(broker)
    await channels.open()
    await chordJoins?.open()
    this.#warnOfLostPriorities()
    this.#warnOfLongTasks()
    this.#isUp = true
    events.start(() => remote.online())
    health.started()
    const ms = Math.round(clock.monotonic() - startedAt)
    const size = { concurrency: poolSize.size, prefetch: prefetch.count }
    logger.info({ event: 'worker.ready', queues, ...size, acks, ready_ms: ms }, 'ready')
  }

  #warnOfLostPriorities(): void {
    const { config, registry, declarations, consuming, logger } = this.#parts
    const tasks = registry.entries().map(({ task }) => task)
    const quorumHeeds = quorumHeedsPriorities(consuming.connection?.server)
    const facts = { config, tasks, prioritized: declarations.withPriorities(), quorumHeeds }
    for (const { queue, givenBy } of lostPriorities(facts)) {
      const fields = { event: 'queue.no-priorities' as const, queue, given_by: givenBy }
      logger.warn(
        fields,
        'priorities are given to tasks of a queue that heeds none: a classic one needs maxPriority, a quorum queue RabbitMQ 4',
      )
    }
  }

  #warnOfLongTasks(): void {
    const { config, registry, logger } = this.#parts
    const tasks = longTasks(
      registry.entries().map(({ task }) => task),
      config,
    )
    if (tasks.length === 0) return
    const hint =
      "Split them, give them acks: 'early', or raise consumer_timeout on the broker, where it may be higher already."
    logger.warn(
      { event: 'tasks.long', tasks, hint },
      "the time limits of tasks are longer than 30 minutes, RabbitMQ's consumer_timeout: it takes back the message of one that runs longer",
    )
  }

  async isIdle(): Promise<boolean> {
    const { channels, intake, table } = this.#parts
    const empty = await channels.areEmpty()
    await intake.idle()
    return empty && table.size === 0
  }

  /** Leaves as a warm stop does; asked a second time, it must not skip the grace period. */
  leave(): void {
    if (this.#stopping === undefined) void this.stop('warm')
  }

  /** Leaves at once: without its connections a worker can settle nothing, and others will run what it holds. */
  #fail(error: Error): void {
    this.#failure ??= error
    void this.stop('cold')
  }

  stop(kind: 'warm' | 'cold'): Promise<'clean' | 'forced'> {
    if (this.#stopping !== undefined && !this.#skipGrace.signal.aborted) this.#skipGrace.abort()
    else if (this.#stopping !== undefined) this.#skipAbort.abort()
    if (kind === 'cold') this.#skipGrace.abort()
    this.#stopping ??= this.#shutDown()
    return this.#stopping
  }

  async #shutDown(): Promise<'clean' | 'forced'> {
    const { config, watched, consuming, declaring, outbound, chordJoins, pool, isolation, autoscaler, remote } =
      this.#parts
    const { dispatcher, events, health, loopWatch, stateFile, leaving, logger } = this.#parts
    leaving.abort()
    health.stopping()
    autoscaler?.stop()
    const handedBack = chordJoins?.stop()
    const how = await drain(
      { ...this.#parts, ...config.shutdown },
      { grace: this.#skipGrace.signal, abort: this.#skipAbort.signal },
    )
    await handedBack
    loopWatch.stop()
    remote.offline()
    events.close()
    await stateFile?.flush()
    const deadline = AbortSignal.timeout(CLOSING_TIME)
    await outbound.replies?.[Symbol.asyncDispose]()
    await Promise.all([pool.stop({ deadline }), isolation.stop({ deadline })])
    // What was interrupted only now may have been acknowledged early: its failure is stored.
    await unlessAborted(dispatcher.idle(), deadline).catch(() => {})
    const { publishing, results } = outbound
    await declaring[Symbol.asyncDispose]()
    await Promise.all([consuming, publishing, results.service].map((part) => part?.stop({ deadline })))
    if (watched) await health.close()
    logger.info({ event: 'worker.stopped', how }, 'stopped')
    if (this.#failure === undefined) this.#stopped.resolve(how)
    else this.#stopped.reject(this.#failure)
    return how
  }
}
