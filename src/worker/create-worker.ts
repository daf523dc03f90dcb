import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Broker } from '../broker/broker.ts'
import { CarefulConsumers } from '../broker/channels/careful-consumers.ts'
import { DeclaringChannels } from '../broker/channels/declaring-channels.ts'
import { createSession } from '../broker/session.ts'
import { declareSuspects } from '../broker/topology.ts'
import { needsConnections, withBuiltIns } from '../canvas/built-in.ts'
import type { Config } from '../config/config.ts'
import { TwqError } from '../errors.ts'
import { EventPublisher } from '../events/publisher.ts'
import { suspectsQueue } from '../protocol/headers/suspect.ts'
import { LamportClock } from '../protocol/remote/lamport-clock.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { EventLogger } from '../runtime/log/logger.ts'
import { type Clock, systemClock } from '../runtime/time/clock.ts'
import { parseRate } from '../runtime/time/token-bucket.ts'
import type { Outcome } from '../tasks/attempt/outcome.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import { ConsumerTimeouts } from './consume/consumer-timeouts.ts'
import { Declarations } from './consume/declarations.ts'
import { declareQueue } from './consume/declare-queue.ts'
import { Consumer } from './consume/queue-consumer.ts'
import { Suspects } from './consume/suspects.ts'
import { unpackedDelivery } from './consume/unpacked-delivery.ts'
import { openIntake } from './intake/open-intake.ts'
import { ConsumerChannels } from './lifecycle/consumer-channels.ts'
import { WorkerHealth } from './lifecycle/health.ts'
import { openOutbound } from './lifecycle/outbound.ts'
import { RunningWorker } from './lifecycle/running-worker.ts'
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
import { Prefetch } from './request/prefetch.ts'
import { RecentAcks } from './request/recent-acks.ts'
import type { Request } from './request/request.ts'
import { RequestTable } from './request/request-table.ts'
import { Revocations } from './request/revocations.ts'
import { TaskCounters } from './request/task-counters.ts'
import { Autoscaler } from './run/autoscaler.ts'
import { LoopWatch } from './run/loop-watch.ts'
import { openDispatcher } from './run/open-dispatcher.ts'
import { openCrew, openPool } from './run/open-pool.ts'
import { PoolSize } from './run/pool-size.ts'
import { ChordJoins } from './settle/chord-joins.ts'
import { unlockChord } from './settle/chord-unlock.ts'
import { PoisonMessages } from './settle/poison-messages.ts'
import { Refusals } from './settle/refusals.ts'
import { Delays } from './waiting/delays.ts'
import { EtaQueue } from './waiting/eta-queue.ts'
import { HeldAside } from './waiting/held-aside.ts'
import { RateLimits } from './waiting/rate-limits.ts'

/** The parts that `createWorker` takes: configuration, tasks, and replacements for tests. */
export interface WorkerParts {
  readonly config: Config
  readonly registry: TaskRegistry
  /** The file that `config` was read from: threads and processes of a pool load it, too. */
  readonly configFile?: string | undefined
  readonly logger: EventLogger
  readonly clock?: Clock
  /** Instead of the one that `config.broker` names: for tests. */
  readonly broker?: Broker
  /** False leaves out what is about the process and not about tasks: probes, and the watch on its event loop. */
  readonly watched?: boolean
  /** Hears of each attempt whose outcome is safe. */
  readonly onSettled?: (request: Request, outcome: Outcome) => void
}

/** Puts a worker together; nothing happens before `start`. */
export function createWorker(parts: WorkerParts): Worker {
  const { config, registry, logger } = parts
  const clock = parts.clock ?? systemClock
  const node = config.nodeName

  const { broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: node }), watched = true } = parts
  const consuming = createSession({ broker, name: `${node} consumer`, clock, random: Math.random })
  const declaring = new DeclaringChannels({ broker, name: `${node} declarations`, session: consuming, clock })
  const careful = new CarefulConsumers({ declaring, giveUp: (error) => consuming.connection?.destroy(error), clock })
  const leaving = new AbortController()
  const outbound = openOutbound({
    config,
    registry,
    broker,
    declaring,
    onQuarantined: (task) => health.quarantined(task),
    isQuorum: (queue) => declarations.isQuorum(queue),
    leaving: leaving.signal,
    clock,
    logger,
  })
  const { publishing, publisher, results, quarantine, delivery, sender, sentChildren, followUps } = outbound
  const republisher = new Republisher({
    publisher,
    clock,
    node,
    acknowledged: (holding) => channels.acknowledged(holding),
  })
  const table = new RequestTable()
  const harmlessReturns = new HarmlessReturns(clock)
  const finished = new FinishedAttempts(clock, logger)
  const recentAcks = new RecentAcks()
  const taskCounters = new TaskCounters(clock)
  const lamport = new LamportClock()
  const events = new EventPublisher({ session: publishing, node, tasks: config.events, lamport, clock, logger })
  const stateFile = config.statedb === undefined ? undefined : new StateFile(config.statedb, logger)
  const revocations: Revocations = new Revocations(clock, () => stateFile?.save(() => revocations.save()))
  const prefetch = new Prefetch(config.prefetch)
  const runnable = withBuiltIns(registry, {
    apply: (signature, args, parent) => followUps.apply(signature, args, parent),
    unlock: (body, header, parent) => unlockChord({ body, header }, parent, { results, followUps }),
  })

  const attemptLimits = new AttemptLimits(registry, { soft: config.softTimeLimit, hard: config.timeLimit })
  const poolParts = {
    config,
    registry: runnable,
    configFile: parts.configFile,
    logger,
    sendFor: (message: TaskMessage) => sender.sendFor(message),
    limitsFor: (message: TaskMessage) => attemptLimits.of(message),
    clock,
  }
  const pool = openPool(poolParts)
  const isolation = new Isolation({
    // A test worker has none: its clock is moved by hand, and a process would not follow it.
    openCrew: watched ? () => openCrew(poolParts, { kind: 'processes', size: 1 }) : undefined,
    canRun: (task) => !needsConnections(task, registry),
    clock,
    logger,
  })
  const loopWatch = new LoopWatch({ clock, logger })
  const etaQueue: EtaQueue = new EtaQueue(clock, (request) => {
    delays.released(request)
    startGate.begin(request)
  })
  const delays = new Delays({ config, delivery, publisher, etaQueue, prefetch, clock, logger })
  const rateLimits: RateLimits = new RateLimits({
    clock,
    rateOf: (name) => parseRate(registry.get(name)?.settings.rateLimit) ?? config.rateLimit,
    onReady: (request) => startGate.begin(request, { inTurn: true }),
    prefetch,
  })
  const { dispatcher, kept } = openDispatcher({
    config,
    pool,
    table,
    revocations,
    // Threads and processes leave this event loop alone.
    loopWatch: config.pool === 'async' || config.pool === 'solo' ? loopWatch : undefined,
    taskCounters,
    events,
    publisher,
    results,
    followUps,
    sentChildren,
    quarantine,
    aside: { settle: (message) => aside.settle(message) },
    delays,
    finished,
    recentAcks,
    giveBack,
    onHalted() {
      void Promise.all([consumer.pause(), suspects.pause()]).then(() => kept.halted && dispatcher.returnWaiting())
    },
    onResumed() {
      void Promise.all([consumer.resume(), suspects.resume()])
      dispatcher.resume()
    },
    divert: (request) => startGate.divert(request),
    onSuspectLost: (request) => poison.lost(request),
    onWaiting: () => autoscaler?.look(),
    onSettled(request, outcome) {
      health.settled(request, outcome)
      parts.onSettled?.(request, outcome)
    },
    clock,
    logger,
  })
  const { prefetchMultiplier, autoscale } = config
  const poolSize = new PoolSize({ pool, dispatcher, prefetch, prefetchMultiplier, max: autoscale?.max, logger })
  const autoscaler = autoscale && new Autoscaler({ bounds: autoscale, dispatcher, poolSize, clock, logger })
  const declarations = new Declarations()
  const timeouts = new ConsumerTimeouts({ session: consuming, declarations, table, forgetTakenBack, logger })
  const suspects: Suspects = new Suspects(
    config.queues.map(({ name }) => name),
    {
      declare: async (queue) => {
        const declared = await declareSuspects(declaring, queue, await declarations.of(queue))
        await declaring.arrived(suspectsQueue(queue))
        return declared
      },
      careful,
      onDelivery: (delivery, queue) => intake.receive(unpackedDelivery(delivery), queue, 'suspects'),
      timeouts,
      clock,
      logger,
    },
  )
  const aside: HeldAside = new HeldAside({
    prefetch,
    consumer: { suspend: (queue) => consumer.suspend(queue), unsuspend: (queue) => consumer.unsuspend(queue) },
    suspects,
    republisher,
    clock,
    logger,
  })
  const inFlight = new InFlight()
  const refusals = new Refusals({ quarantine, results, aside, followUps, logger })
  const poison = new PoisonMessages({
    maxStarts: config.maxStarts,
    table,
    republisher,
    refusals,
    aside,
    finished,
    harmlessReturns,
    events,
    logger,
  })
  const { intake, startGate } = openIntake({
    config,
    registry: runnable,
    table,
    delays,
    dispatcher,
    republisher,
    refusals,
    poison,
    isolation,
    suspects,
    inFlight,
    harmlessReturns,
    finished,
    rateLimits,
    // As Celery: stamps count when a task is about to start, not on receipt.
    isRevoked: ({ id }) => revocations.hasId(id),
    events,
    clock,
    logger,
  })
  const consumer = new Consumer({
    queues: config.queues,
    prefetch,
    declare: async (queue) => {
      const server = consuming.connection?.server
      const options = { session: declaring, server, clock, logger, lenient: running.isUp }
      const declared = await declareQueue(queue, options).catch((error) => {
        if (TwqError.is(error)) declarations.down(queue.name, error)
        throw error
      })
      delays.declared(queue, declared)
      declarations.add(queue.name, declared)
      await declaring.arrived(queue.name)
      return declared
    },
    careful,
    intake,
    onRedelivered: () => health.redelivered(),
    onRenewed: forgetTakenBack,
    timeouts,
    clock,
    logger,
  })
  const remote = new RemoteControl({
    config,
    registry,
    table,
    taskCounters,
    revocations,
    results,
    rateLimits,
    prefetch,
    lamport,
    pool,
    poolSize,
    autoscaler,
    attemptLimits,
    dispatcher,
    events,
    queues: queueControls(consumer, suspects),
    shutDown: () => running.leave(),
    clock,
    logger,
  })
  const channels: ConsumerChannels = new ConsumerChannels({
    config,
    broker,
    session: consuming,
    declaring,
    consumer,
    suspects,
    remote,
    table,
    harmlessReturns,
    finished,
    recentAcks,
    prefetch,
    clock,
  })
  const health: WorkerHealth = new WorkerHealth({
    config,
    tasks: runnable.names(),
    consuming,
    publishing,
    consumer,
    aside,
    channels,
    loopWatch,
    kept,
    table,
    taskCounters,
    prefetch,
    poolSize,
    clock,
    logger,
  })
  const { maxBodySize } = config
  // Where results are kept, their backend joins chords.
  const chordJoins =
    results.kind === 'rpc'
      ? new ChordJoins({
          session: consuming,
          declaring,
          careful,
          quorum: () => declarations.anyQuorum(config.queues.map(({ name }) => name)),
          followUps,
          quarantine,
          maxBodySize,
          clock,
          logger,
        })
      : undefined
  const running: RunningWorker = new RunningWorker({
    config,
    registry,
    broker,
    watched,
    consuming,
    declaring,
    outbound,
    chordJoins,
    consumer,
    suspects,
    channels,
    declarations,
    timeouts,
    intake,
    aside,
    etaQueue,
    rateLimits,
    dispatcher,
    kept,
    table,
    pool,
    isolation,
    poolSize,
    autoscaler,
    prefetch,
    remote,
    events,
    health,
    loopWatch,
    stateFile,
    revocations,
    leaving,
    giveBack,
    clock,
    logger,
  })
  return running

  /** Once each: an attempt that ignores the shutdown may end after its message went back. */
  function giveBack(requests: readonly Request[]): Promise<void> {
    const kept = requests.filter((request) => !request.acknowledged && !request.givenBack)
    for (const request of kept) request.givenBack = true
    return republisher.giveBack(kept)
  }

  /**
   * Requests that have not started went back to the broker with their channel, or may have with their consumer: then the rest
   * goes back, too. It delivers them again.
   */
  function forgetTakenBack(): void {
    aside.forgetTakenBack()
    for (const request of table.all()) if (request.takenBack) harmlessReturns.add(request)
    const held = etaQueue.remove((request) => request.takenBack)
    for (const request of held) delays.released(request)
    const limited = rateLimits.remove((request) => request.takenBack)
    const forgotten = [...held, ...limited, ...dispatcher.dropTakenBack()]
    // Highest delivery tag first: each lands in front of the one before.
    forgotten.sort((a, b) => b.delivery.deliveryTag - a.delivery.deliveryTag)
    for (const request of forgotten) {
      request.requeue()
      table.remove(request)
    }
  }
}
