import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Broker } from '../broker/broker.ts'
import { CarefulConsumers } from '../broker/channels/careful-consumers.ts'
import { DeclaringChannels } from '../broker/channels/declaring-channels.ts'
import { createSession } from '../broker/session.ts'
import { needsConnections, withBuiltIns } from '../canvas/built-in.ts'
import type { Config } from '../config/config.ts'
import { allows } from '../config/options/control-policy.ts'
import { EventPublisher } from '../events/publisher.ts'
import { PluginList } from '../plugins/plugin-list.ts'
import { LamportClock } from '../protocol/remote/lamport-clock.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { parseRate } from '../runtime/time/token-bucket.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import { Declarations } from './consume/declarations.ts'
import { openConsumers } from './consume/open-consumers.ts'
import { WorkAhead } from './consume/work-ahead.ts'
import { ChordJoins } from './follow-ups/chord-joins.ts'
import { unlockChord } from './follow-ups/chord-unlock.ts'
import { Halt } from './intake/halt.ts'
import { openIntake } from './intake/open-intake.ts'
import { Overdue } from './intake/overdue.ts'
import { TakenBack } from './intake/taken-back.ts'
import { ConsumerChannels } from './lifecycle/consumer-channels.ts'
import { WorkerHealth } from './lifecycle/health.ts'
import { openOutbound } from './lifecycle/outbound.ts'
import { RunningWorker } from './lifecycle/running-worker.ts'
import { loadedAtStart, servicesOf } from './lifecycle/services.ts'
import { StateFile } from './lifecycle/state-file.ts'
import type { Worker } from './lifecycle/worker.ts'
import { Isolation } from './quarantine/isolation.ts'
import { Republisher } from './quarantine/republisher.ts'
import { queueControls } from './remote/queue-controls.ts'
import { RemoteControl } from './remote/remote-control.ts'
import { AttemptLimits } from './request/attempt-limits.ts'
import { FinishedAttempts } from './request/finished-attempts.ts'
import { HarmlessReturns } from './request/harmless-returns.ts'
import { InFlight } from './request/in-flight.ts'
import { Moments, type WorkerObserver } from './request/moments.ts'
import { Prefetch } from './request/prefetch.ts'
import { RecentAcks } from './request/recent-acks.ts'
import { RequestTable } from './request/request-table.ts'
import { Revocations } from './request/revocations.ts'
import { TaskCounters } from './request/task-counters.ts'
import { Autoscaler } from './run/autoscaler.ts'
import { LoopWatch } from './run/loop-watch.ts'
import { openDispatcher } from './run/open-dispatcher.ts'
import { openIsolationCrew, openPool } from './run/open-pool.ts'
import { PoolSize } from './run/pool-size.ts'
import { Twins } from './run/twins.ts'
import { pluginMoments } from './settle/plugin-moments.ts'
import { PoisonMessages } from './settle/poison-messages.ts'
import { Refusals } from './settle/refusals.ts'
import { UnconfirmedWatch } from './settle/unconfirmed-watch.ts'
import { Delays } from './waiting/delays.ts'
import { HeldAside } from './waiting/held-aside.ts'
import { RateLimits } from './waiting/rate-limits.ts'

/** What `createWorker` takes: configuration, tasks, and replacements for tests. */
export interface WorkerParts {
  readonly config: Config
  readonly registry: TaskRegistry
  /** The file that `config` was read from: threads and processes of a pool load it, too. */
  readonly configFile?: string | undefined
  readonly logger: EventLogger
  readonly clock?: Clock
  /** Instead of the broker in `config.broker`: for tests. */
  readonly broker?: Broker
  /** False leaves out what concerns the process rather than tasks: probes, and the measurement of its event loop. */
  readonly watched?: boolean
  /** False if some tasks exist only in this process, so that no other thread or process can load them. */
  readonly loadable?: boolean
  /** Is called for the worker's events. */
  readonly observer?: WorkerObserver
}

/** Assembles a worker, each part from those above it; nothing happens before `start`. */
export function createWorker(parts: WorkerParts): Worker {
  const { config, registry, logger, configFile, observer, clock = systemClock } = parts
  const { watched = true, loadable = true } = parts
  const node = config.nodeName
  const { broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: node }) } = parts
  const leaving = sharedAbort()
  const stateFile = config.statedb === undefined ? undefined : new StateFile(config.statedb, logger)

  // Shared by all parts: the state of the messages in hand, and the events by which a part calls later ones.
  const moments = new Moments()
  const lamport = new LamportClock()
  const attemptLimits = new AttemptLimits(registry, { soft: config.softTimeLimit, hard: config.timeLimit })
  const shared = {
    config,
    node,
    registry,
    broker,
    moments,
    lamport,
    attemptLimits,
    clock,
    logger,
    table: new RequestTable(),
    inFlight: new InFlight(),
    prefetch: new Prefetch(config.prefetch),
    revocations: new Revocations(clock, stateFile),
    finished: new FinishedAttempts(clock, logger),
    recentAcks: new RecentAcks(),
    harmlessReturns: new HarmlessReturns(clock),
    taskCounters: new TaskCounters(clock),
    declarations: new Declarations(),
  }

  const plugins = new PluginList({
    plugins: config.plugins,
    tasks: registry.entries().map(({ task }) => task),
    host: { role: 'worker', node, pool: config.pool },
    startTimeout: config.startTimeout,
    publishTimeout: config.publishTimeout,
    stopTimeout: config.shutdown.grace,
    clock,
    logger,
  })

  // Consuming.
  const consuming = createSession({ broker, name: `${node} consumer`, clock, random: Math.random })
  const declaring = new DeclaringChannels({ broker, name: `${node} declarations`, session: consuming, clock })
  const careful = new CarefulConsumers({ declaring, giveUp: (error) => consuming.connection?.destroy(error), clock })
  const consumers = openConsumers({ ...shared, consuming, declaring, careful })
  const { consumer, suspects } = consumers
  const channels = new ConsumerChannels({ ...shared, session: consuming, declaring, consumer, suspects })

  // Sending: results, what follows tasks, what goes back, and what is set aside.
  const outbound = openOutbound({ ...shared, declaring, sendHooks: plugins.sends, leaving: leaving.signal })
  const { publishing, results, followUps, sender } = outbound
  const republisher = new Republisher({
    ...shared,
    publisher: outbound.publisher,
    blocked: () => publishing.connection?.blocked !== undefined,
    acknowledged: (holding) => channels.acknowledged(holding),
  })
  const events = new EventPublisher({ ...shared, session: publishing, tasks: config.events })
  const sending = { ...shared, ...outbound, sendHooks: plugins.sends, republisher, events }

  // Waiting.
  const aside = new HeldAside({ ...shared, consumer, suspects, republisher })
  const delays = new Delays(sending)
  const rateOf = (task: string) => parseRate(registry.get(task)?.settings.rateLimit) ?? config.rateLimit
  const rateLimits = new RateLimits({ ...shared, rateOf })
  const workAhead = new WorkAhead({ ...shared, enabled: config.workAhead, limited: () => rateLimits.inForce })

  // Running, and settling outcomes.
  const runnable = withBuiltIns(registry, {
    apply: (signature, args, parent) => followUps.apply(signature, args, parent),
    unlock: (body, header, parent) => unlockChord({ body, header }, parent, { results, followUps }),
  })
  const poolParts = {
    config,
    plugins,
    registry: runnable,
    configFile,
    clock,
    logger,
    sendFor: (message: TaskMessage) => sender.sendFor(message),
    limitsFor: (message: TaskMessage) => attemptLimits.of(message),
  }
  const pool = openPool(poolParts)
  const isolation = new Isolation({
    // A test worker has none: its clock is advanced by the test, which a process would not follow.
    openCrew: watched && loadable ? () => openIsolationCrew(poolParts) : undefined,
    canRun: (task) => !needsConnections(task, registry),
    clock,
    logger,
  })
  const loopWatch = new LoopWatch({ clock, logger })
  const refusals = new Refusals({ ...sending, aside })
  const poison = new PoisonMessages({ ...sending, maxStarts: config.maxStarts, refusals, aside })
  const twins = new Twins(shared)
  const { dispatcher, kept } = openDispatcher({
    ...sending,
    plugins,
    aside,
    delays,
    pool,
    poison,
    twins,
    // Threads and processes do not block this event loop.
    loopWatch: pool.onEventLoop ? loopWatch : undefined,
  })
  const { prefetchMultiplier, autoscale } = config
  const poolSize = new PoolSize({ ...shared, pool, dispatcher, prefetchMultiplier, max: autoscale?.max })
  const autoscaler = autoscale && new Autoscaler({ bounds: autoscale, dispatcher, poolSize, clock, logger })

  // Taking deliveries.
  const { intake, startGate } = openIntake({
    ...sending,
    registry: runnable,
    delays,
    rateLimits,
    dispatcher,
    refusals,
    poison,
    twins,
    isolation,
    suspects,
    // As in Celery, stamps are checked when a task is about to start, not on receipt.
    isRevoked: ({ id }) => shared.revocations.hasId(id),
  })
  const overdue = new Overdue({ ...sending, declaring, consumer, workAhead, dispatcher })
  // If results are stored, their backend joins chords.
  const chordJoins = results.chordQueues
    ? new ChordJoins({ ...sending, session: consuming, declaring, careful })
    : undefined

  // One of all workers with schedules sends the due tasks.
  const { schedules: entries, schedulesNamespace: namespace, leadSchedules } = config
  const schedules =
    entries !== undefined && leadSchedules
      ? loadedAtStart(async () => {
          const { SchedulesService } = await import('../schedules/service.ts')
          return new SchedulesService({
            ...sending,
            namespace,
            schedules: entries,
            session: publishing,
            declaring,
            queues: outbound.sendQueues,
            isQuorum: () => shared.declarations.anyQuorum(config.queues.map(({ name }) => name)),
            allows: (command) => allows(config.control, command),
            onSent: (schedule, lag, sentAt) => moments.scheduled(schedule, lag, sentAt),
            heartbeat: config.heartbeat,
          })
        })
      : undefined

  // The worker as a whole.
  const queues = queueControls(consumer, suspects)
  const whole = {
    ...sending,
    ...consumers,
    consuming,
    declaring,
    channels,
    aside,
    delays,
    rateLimits,
    plugins,
    pool,
    isolation,
    dispatcher,
    kept,
    poolSize,
    autoscaler,
    loopWatch,
    unconfirmed: new UnconfirmedWatch({ ...outbound, session: publishing, clock, logger }),
    intake,
    chordJoins,
    schedules,
    watched,
    stateFile,
  }
  const remote = new RemoteControl({ ...whole, queues })
  const health = new WorkerHealth({ ...whole, tasks: runnable.names() })
  const worker = new RunningWorker({ ...whole, health, services: servicesOf({ ...whole, outbound, remote, health }) })

  // The listeners of each event, in this order.
  moments.add(
    { stopping: () => leaving.abort() },
    consumers.declarer,
    delays,
    new TakenBack({ ...shared, aside, delays, rateLimits, dispatcher }),
    startGate,
    new Halt({ consumer, suspects, dispatcher, kept }),
    autoscaler,
    workAhead,
    overdue,
    remote,
    health,
    pluginMoments(plugins.observers, node),
    observer,
    worker,
  )
  return worker
}
