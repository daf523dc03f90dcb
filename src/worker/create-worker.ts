import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Broker } from '../broker/broker.ts'
import { createSession } from '../broker/session.ts'
import { declareSuspects } from '../broker/topology.ts'
import { redactUrl } from '../broker/url.ts'
import { SENDING_BUILT_INS, withBuiltIns } from '../canvas/built-in.ts'
import type { Config } from '../config/config.ts'
import { TwqError } from '../errors.ts'
import { EventPublisher } from '../events/publisher.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { deferred } from '../runtime/deferred.ts'
import { ExpiringSet } from '../runtime/expiring-set.ts'
import { LamportClock } from '../runtime/lamport-clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { unlessAborted } from '../runtime/time-limit.ts'
import { parseRate } from '../runtime/token-bucket.ts'
import type { Outcome } from '../tasks/outcome.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import { AttemptLimits } from './attempt-limits.ts'
import { Autoscaler } from './autoscaler.ts'
import { ChordJoins } from './chord-joins.ts'
import { unlockChord } from './chord-unlock.ts'
import { Consumer } from './consumer.ts'
import { Declarations } from './declarations.ts'
import { declareQueue } from './declare-queue.ts'
import { Delays } from './delays.ts'
import { Intake } from './intake.ts'
import { Isolation } from './isolation.ts'
import { Lanes } from './lanes.ts'
import { longTasks } from './long-tasks.ts'
import { LoopWatch } from './loop-watch.ts'
import { lostPriorities } from './lost-priorities.ts'
import { openDispatcher } from './open-dispatcher.ts'
import { openCrew, openPool } from './open-pool.ts'
import { Orphans } from './orphans.ts'
import { openOutbound } from './outbound.ts'
import { Prefetch } from './prefetch.ts'
import { queueControls } from './queue-controls.ts'
import { RateLimits } from './rate-limits.ts'
import { Relocation } from './relocation.ts'
import { RemoteControl } from './remote-control.ts'
import type { Request } from './request.ts'
import { RequestTable } from './request-table.ts'
import { Revocations } from './revocations.ts'
import { logSession } from './session-log.ts'
import { drain } from './shutdown.ts'
import { StateFile } from './state-file.ts'
import { Suspects } from './suspects.ts'
import { Tally } from './tally.ts'
import { Timetable } from './timetable.ts'
import { WorkerHealth } from './worker-health.ts'
import { Workforce } from './workforce.ts'

/** A worker: takes tasks from its queues, runs them, sends the results back. */
export interface Worker {
  /** Its node name, as remote control and monitors show it. */
  readonly node: string
  /** Resolves when it consumes; rejects with the reason why it can't. */
  start(): Promise<void>
  /**
   * `warm` finishes what runs, `cold` aborts it; a second call skips ahead. Resolves when everything is given back and
   * closed: `forced` when an attempt had to be ended.
   */
  stop(kind: 'warm' | 'cold'): Promise<'clean' | 'forced'>
  /** Whether nothing is left to do: nothing waits in the queues and nothing is in hand. */
  isIdle(): Promise<boolean>
  /** How it is and what it does at the moment: plain JSON. */
  report(): Readonly<Record<string, unknown>>
  /** Resolves when the worker has stopped, for whatever reason; rejects when a defect of ours made it. */
  readonly stopped: Promise<'clean' | 'forced'>
}

/** What a worker is made from. */
export interface WorkerParts {
  readonly config: Config
  readonly registry: TaskRegistry
  /** The file that `config` was read from: threads and processes of a pool load it, too. */
  readonly configFile?: string | undefined
  readonly logger: Logger
  readonly clock?: Clock
  /** Instead of the one that `config.broker` names: for tests. */
  readonly broker?: Broker
  /** False leaves out what is about the process and not about tasks: probes, and the watch on its event loop. */
  readonly watched?: boolean
  /** Hears of each attempt whose outcome is safe. */
  readonly onSettled?: (request: Request, outcome: Outcome) => void
}

// Messages that a lost connection took back from us: more than a prefetch count can be, for as long as a reconnect may take.
const SURVIVORS = { limit: 100_000, lifetime: 3_600_000 }
// How long closing the connections may take, in milliseconds.
const CLOSING_TIME = 2_000

/** Puts a worker together; nothing happens before `start`. */
export function createWorker(parts: WorkerParts): Worker {
  const { config, registry, logger } = parts
  const clock = parts.clock ?? systemClock
  const node = config.nodeName

  const { broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: node }), watched = true } = parts
  const consuming = createSession({ broker, name: `${node} consumer`, clock, random: Math.random })
  const leaving = new AbortController()
  const outbound = openOutbound({
    config,
    registry,
    broker,
    onQuarantined: (task) => health.quarantined(task),
    leaving: leaving.signal,
    clock,
    logger,
  })
  const { publishing, publisher, results, quarantine, delivery, sender, trail, followers } = outbound
  const relocation = new Relocation({ publisher, clock, node, acknowledged: (holding) => lanes.acknowledged(holding) })
  const table = new RequestTable()
  const survivors = new ExpiringSet(clock, SURVIVORS)
  const orphans = new Orphans(clock)
  const tally = new Tally(clock)
  const lamport = new LamportClock()
  const events = new EventPublisher({ session: publishing, node, tasks: config.events, lamport, clock, logger })
  const stateFile = config.statedb === undefined ? undefined : new StateFile(config.statedb, logger)
  const revocations: Revocations = new Revocations(clock, () => stateFile?.save(() => revocations.save()))
  const prefetch = new Prefetch(config.prefetch)
  const runnable = withBuiltIns(registry, {
    apply: (signature, args, parent) => followers.apply(signature, args, parent),
    unlock: (body, header, parent) => unlockChord({ body, header }, parent, { results, followers }),
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
    // In a test that moves the clock, whatever runs goes by that.
    openCrew: watched ? () => openCrew(poolParts, { kind: 'processes', size: 1 }) : undefined,
    canRun: (task) => registry.get(task) !== undefined || !SENDING_BUILT_INS.includes(task),
    clock,
    logger,
  })
  const loopWatch = new LoopWatch({ clock, logger })
  const timetable: Timetable = new Timetable(clock, (request) => {
    delays.released(request)
    intake.start(request)
  })
  const delays = new Delays({ config, delivery, publisher, timetable, prefetch, clock, logger })
  const rateLimits: RateLimits = new RateLimits({
    clock,
    rateOf: (name) => parseRate(registry.get(name)?.settings.rateLimit) ?? config.rateLimit,
    onReady: (request) => intake.start(request, { inTurn: true }),
    onHeld: (change) => prefetch.hold(change),
  })
  const dispatcher = openDispatcher({
    config,
    pool,
    table,
    revocations,
    // Threads and processes leave this event loop alone.
    loopWatch: config.pool === 'async' || config.pool === 'solo' ? loopWatch : undefined,
    tally,
    events,
    publisher,
    results,
    followers,
    trail,
    quarantine,
    delays,
    orphans,
    giveBack,
    onSuspectLost: (request) => intake.lost(request),
    onWaiting: () => autoscaler?.look(),
    onSettled(request, outcome) {
      health.settled(request, outcome)
      parts.onSettled?.(request, outcome)
    },
    clock,
    logger,
  })
  const { prefetchMultiplier, autoscale } = config
  const workforce = new Workforce({ pool, dispatcher, prefetch, prefetchMultiplier, max: autoscale?.max, logger })
  const autoscaler = autoscale && new Autoscaler({ bounds: autoscale, dispatcher, workforce, clock, logger })
  const declarations = new Declarations()
  const suspects: Suspects = new Suspects(
    config.queues.map(({ name }) => name),
    {
      declare: async (queue) => declareSuspects(consuming, queue, await declarations.of(queue)),
      onDelivery: (delivery, queue) => intake.receive(delivery, queue, 'suspects'),
      clock,
      logger,
    },
  )
  const intake: Intake = new Intake({
    node,
    registry: runnable,
    acks: config.acks,
    unknownTask: config.unknownTask,
    maxBodySize: config.maxBodySize,
    maxStarts: config.maxStarts,
    table,
    delays,
    dispatcher,
    quarantine,
    relocation,
    isolation,
    suspects,
    survivors,
    orphans,
    rateLimits,
    // As Celery: stamps count when a task is about to start, not on receipt.
    isRevoked: ({ id }) => revocations.hasId(id),
    results,
    events,
    clock,
    logger,
  })
  const consumer = new Consumer({
    queues: config.queues,
    prefetch,
    declare: async (queue) => {
      const declared = await declareQueue(queue, { session: consuming, logger, lenient: isUp }).catch((error) => {
        if (TwqError.is(error, 'TWQ_QUEUE_DOWN')) declarations.down(queue.name, error)
        throw error
      })
      delays.declared(queue, declared)
      declarations.add(queue.name, declared)
      return declared
    },
    onDelivery(delivery, queue) {
      if (delivery.redelivered) health.redelivered()
      intake.receive(delivery, queue)
    },
    onRenewed: forgetTakenBack,
    clock,
    logger,
  })
  const remote = new RemoteControl({
    config,
    registry,
    table,
    tally,
    revocations,
    results,
    rateLimits,
    prefetch,
    lamport,
    pool,
    workforce,
    autoscaler,
    attemptLimits,
    dispatcher,
    events,
    queues: queueControls(consumer, suspects),
    // Asked a second time, it must not skip the grace period.
    shutDown: () => void (stopping ?? stop('warm')),
    clock,
    logger,
  })
  const lanes: Lanes = new Lanes({
    config,
    broker,
    session: consuming,
    consumer,
    suspects,
    remote,
    table,
    survivors,
    orphans,
    clock,
  })
  const health: WorkerHealth = new WorkerHealth({
    config,
    tasks: runnable.names(),
    consuming,
    publishing,
    consumer,
    lanes,
    loopWatch,
    table,
    tally,
    prefetch,
    workforce,
    clock,
    logger,
  })
  const { maxBodySize } = config
  // Where results are kept, their backend joins chords.
  const chordJoins =
    results.kind === 'rpc'
      ? new ChordJoins({ session: consuming, followers, quarantine, maxBodySize, clock, logger })
      : undefined
  const skipGrace = new AbortController()
  const skipAbort = new AbortController()
  const stopped = deferred<'clean' | 'forced'>()
  let stopping: Promise<'clean' | 'forced'> | undefined
  let failure: Error | undefined
  let isUp = false
  // Heard by whoever wants to; it is logged in any case.
  stopped.promise.catch(() => {})

  return { node, start, stop, isIdle, report: () => health.report(), stopped: stopped.promise }

  async function start(): Promise<void> {
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
    for (const [role, session] of [['consumer', consuming] as const, ['publisher', publishing] as const]) {
      session.listen((event) => {
        logSession(logger, role, event, () => table.inState('active'))
        if (event.kind === 'failed') fail(event.error)
      })
    }
    await Promise.all([publishing.start(), consuming.start(), pool.start(), results.service?.start()])
    if (watched) loopWatch.start()
    autoscaler?.start()
    await remote.mingle(broker)
    await lanes.open()
    await chordJoins?.open()
    warnOfLostPriorities()
    warnOfLongTasks()
    isUp = true
    events.start(() => remote.online())
    health.started()
    const ms = Math.round(clock.monotonic() - startedAt)
    const size = { concurrency: workforce.size, prefetch: prefetch.count }
    logger.info({ event: 'worker.ready', queues, ...size, acks, ready_ms: ms }, 'ready')
  }

  function warnOfLostPriorities(): void {
    const tasks = registry.entries().map(({ task }) => task)
    for (const { queue, givenBy } of lostPriorities({ config, tasks, prioritized: declarations.withPriorities() })) {
      const fields = { event: 'queue.no-priorities', queue, given_by: givenBy }
      logger.warn(fields, 'priorities are given to tasks of a queue that has no maxPriority: they change nothing there')
    }
  }

  function warnOfLongTasks(): void {
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

  async function isIdle(): Promise<boolean> {
    const empty = await lanes.areEmpty()
    await intake.idle()
    return empty && table.size === 0
  }

  /** Once each: an attempt that ignores the shutdown may end after its message went back. */
  function giveBack(requests: readonly Request[]): Promise<void> {
    const kept = requests.filter((request) => !request.acknowledged && !request.givenBack)
    for (const request of kept) request.givenBack = true
    return relocation.giveBack(kept)
  }

  /** Requests that have not started went back to the broker with their channel; it delivers them again. */
  function forgetTakenBack(): void {
    const held = timetable.remove((request) => request.takenBack)
    for (const request of held) delays.released(request)
    const limited = rateLimits.remove((request) => request.takenBack)
    for (const request of [...held, ...limited, ...dispatcher.dropTakenBack()]) table.remove(request)
  }

  /** Leaves at once: without its connections a worker can settle nothing, and others will run what it holds. */
  function fail(error: Error): void {
    failure ??= error
    void stop('cold')
  }

  function stop(kind: 'warm' | 'cold'): Promise<'clean' | 'forced'> {
    if (stopping !== undefined && !skipGrace.signal.aborted) skipGrace.abort()
    else if (stopping !== undefined) skipAbort.abort()
    if (kind === 'cold') skipGrace.abort()
    stopping ??= shutDown()
    return stopping
  }

  async function shutDown(): Promise<'clean' | 'forced'> {
    const { grace, abort } = config.shutdown
    leaving.abort()
    health.stopping()
    autoscaler?.stop()
    const handedBack = chordJoins?.stop()
    const how = await drain(
      { consumer, suspects, intake, timetable, rateLimits, dispatcher, table, clock, logger, giveBack, grace, abort },
      { grace: skipGrace.signal, abort: skipAbort.signal },
    )
    await handedBack
    loopWatch.stop()
    remote.offline()
    events.close()
    await stateFile?.flush()
    const deadline = AbortSignal.timeout(CLOSING_TIME)
    await outbound.replies?.[Symbol.asyncDispose]()
    await Promise.all([pool.stop({ deadline }), isolation.stop({ deadline })])
    // What was interrupted only now may have been acknowledged early: whoever waits for it is told.
    await unlessAborted(dispatcher.idle(), deadline).catch(() => {})
    await Promise.all([consuming, publishing, results.service].map((part) => part?.stop({ deadline })))
    if (watched) await health.close()
    logger.info({ event: 'worker.stopped', how }, 'stopped')
    if (failure === undefined) stopped.resolve(how)
    else stopped.reject(failure)
    return how
  }
}
