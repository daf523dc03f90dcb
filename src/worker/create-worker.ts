import { setImmediate } from 'node:timers/promises'
import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Channel, Connection } from '../broker/broker.ts'
import { watchLiveness } from '../broker/liveness.ts'
import { createPublisher } from '../broker/publisher.ts'
import { createSession, type Kept } from '../broker/session.ts'
import { declareQuarantine, declareTaskQueue } from '../broker/topology.ts'
import { redactUrl } from '../broker/url.ts'
import { withBuiltIns } from '../canvas/built-in.ts'
import { DeclaredQueues } from '../client/declared-queues.ts'
import { ReplyQueue } from '../client/reply-queue.ts'
import { createSender } from '../client/sender.ts'
import type { Config } from '../config/config.ts'
import { commandTable } from '../control/command.ts'
import { commands } from '../control/commands/all.ts'
import { Mailbox } from '../control/mailbox.ts'
import { TwqError } from '../errors.ts'
import { Heartbeat } from '../events/heartbeat.ts'
import { EventPublisher } from '../events/publisher.ts'
import type { State } from '../protocol/result-record.ts'
import { openBackend } from '../results/open-backend.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { deferred } from '../runtime/deferred.ts'
import { ExpiringSet } from '../runtime/expiring-set.ts'
import type { Json } from '../runtime/json.ts'
import { LamportClock } from '../runtime/lamport-clock.ts'
import type { Logger } from '../runtime/logger.ts'
import { parseRate } from '../runtime/token-bucket.ts'
import type { Outcome } from '../tasks/outcome.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import { effectiveLimits } from '../tasks/time-limits.ts'
import { settledEvent, startedEvent } from './announce.ts'
import { Consumer } from './consumer.ts'
import { Dispatcher } from './dispatcher.ts'
import { FollowUpPublisher } from './follow-up-publisher.ts'
import { Followers } from './followers.ts'
import { Intake } from './intake.ts'
import { LoopWatch } from './loop-watch.ts'
import { mingle } from './mingle.ts'
import { openPool } from './open-pool.ts'
import { Prefetch } from './prefetch.ts'
import { Quarantine } from './quarantine.ts'
import { RateLimits } from './rate-limits.ts'
import { type Holding, Relocation } from './relocation.ts'
import type { Request } from './request.ts'
import { RequestTable } from './request-table.ts'
import { Revocations } from './revocations.ts'
import { logSession } from './session-log.ts'
import { settle } from './settle.ts'
import { drain } from './shutdown.ts'
import { StateFile } from './state-file.ts'
import { admit } from './strategy.ts'
import { Suspects } from './suspects.ts'
import { Tally } from './tally.ts'
import { logSettled } from './task-log.ts'
import { Timetable } from './timetable.ts'
import { workerView } from './view.ts'

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
  /** Resolves when the worker has stopped, for whatever reason. */
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
  /** Hears of each attempt whose outcome is safe. */
  readonly onSettled?: (request: Request, outcome: Outcome) => void
}

// Finished attempts whose results wait for the broker; beyond this no new attempt starts.
const SETTLING_LIMIT = 1_000
// Results, retries and progress reports that wait for confirms; far above what the limit before lets happen.
const OUTSTANDING_LIMIT = 100_000
// Messages that a lost connection took back from us: more than a prefetch count can be, for as long as a reconnect may take.
const SURVIVORS = { limit: 100_000, lifetime: 3_600_000 }
// How long closing the connections may take, in milliseconds.
const CLOSING_TIME = 2_000

/** Puts a worker together; nothing happens before `start`. */
export function createWorker(parts: WorkerParts): Worker {
  const { config, registry, logger } = parts
  const clock = parts.clock ?? systemClock
  const node = config.nodeName

  const broker = amqpBroker({ url: config.broker, heartbeat: config.heartbeat, name: node })
  const consuming = createSession({ broker, name: `${node} consumer`, clock, random: Math.random })
  const publishing = createSession({ broker, name: `${node} publisher`, clock, random: Math.random })
  const publisher = createPublisher(publishing, {
    clock,
    maxOutstanding: OUTSTANDING_LIMIT,
    maxBytes: Number.POSITIVE_INFINITY,
  })
  const results = openBackend(config.resultBackend, publisher, clock)
  const quarantine = new Quarantine(publisher, clock, node)
  const relocation = new Relocation({ publisher, clock, node, acknowledged })
  const table = new RequestTable()
  const survivors = new ExpiringSet(clock, SURVIVORS)
  const tally = new Tally(clock)
  const lamport = new LamportClock()
  const events = new EventPublisher({ session: publishing, node, tasks: config.events, lamport, clock, logger })
  const stateFile = config.statedb === undefined ? undefined : new StateFile(config.statedb, logger)
  const revocations: Revocations = new Revocations(clock, () => stateFile?.save(() => revocations.save()))
  const prefetch = new Prefetch(config.prefetch)
  const replies = config.resultBackend === 'rpc' ? new ReplyQueue(publishing, logger) : undefined
  const { publishTimeout } = config
  const taskQueues = new DeclaredQueues(publishing)
  const sender = createSender({
    session: publishing,
    publisher,
    queues: taskQueues,
    replies,
    queue: config.queues[0] ?? 'celery',
    publishTimeout,
    clock,
  })
  const defaultQueue = config.queues[0] ?? 'celery'
  const followers = new Followers({
    publisher: new FollowUpPublisher(publisher, taskQueues),
    results,
    clock,
    logger,
    origin: sender.origin,
    queueOf: (name) => registry.get(name)?.settings.queue ?? defaultQueue,
  })
  const runnable = withBuiltIns(registry, (signature, args, parent) => followers.apply(signature, args, parent))

  const limits = { soft: config.softTimeLimit, hard: config.timeLimit }
  const pool = openPool({
    config,
    registry: runnable,
    configFile: parts.configFile,
    logger,
    sendFor: (message) => sender.sendFor(message),
    limitsFor: (message) => effectiveLimits(message, registry.get(message.task)?.settings.timeLimit, limits),
    clock,
  })
  // Threads and processes leave this event loop alone.
  const onLoop = config.pool === 'async' || config.pool === 'solo'
  const loopWatch = onLoop ? new LoopWatch({ clock, logger }) : undefined
  const timetable = new Timetable(clock, (request) => {
    prefetch.hold(-1)
    intake.start(request)
  })
  const rateLimits: RateLimits = new RateLimits({
    clock,
    rateOf: (name) => parseRate(registry.get(name)?.settings.rateLimit) ?? config.rateLimit,
    onReady: (request) => intake.start(request, { inTurn: true }),
    onHeld: (change) => prefetch.hold(change),
  })
  const dispatcher: Dispatcher = new Dispatcher({
    pool,
    concurrency: config.concurrency,
    settlingLimit: SETTLING_LIMIT,
    table,
    clock,
    logger,
    refuse: (request) => {
      const admission = admit(request.message, { now: clock.now(), revoked: revocations.covers(request.message) })
      return admission.kind === 'refuse' ? admission.outcome : undefined
    },
    onStarted: (request, pid) => {
      request.startedAt = clock.now()
      loopWatch?.started(request)
      tally.started(request.message.task)
      if (events.wanted) events.emit(startedEvent(request))
      if (request.acks === 'early') request.acknowledge()
      if (request.task.settings.trackStarted === true) {
        const started = { pid, hostname: node }
        // What follows does not depend on it, and would tell of the same trouble.
        storeState(request, 'STARTED', started).catch(() => {})
      }
    },
    onState: storeState,
    settle: async (request, outcome) => {
      // Before the next try can run, or monitors would hear of that one first and take the task for waiting for ever.
      if (outcome.kind === 'retry') tell(request, outcome)
      const settled = await settle(request, outcome, {
        publisher,
        results,
        followers,
        quarantine,
        clock,
        flags: config,
        giveBack,
      })
      logSettled(logger, request, settled)
      if (settled.kind !== 'retry') tell(request, settled)
      parts.onSettled?.(request, settled)
    },
  })
  const intake: Intake = new Intake({
    node,
    registry: runnable,
    acks: config.acks,
    unknownTask: config.unknownTask,
    maxBodySize: config.maxBodySize,
    maxStarts: config.maxStarts,
    table,
    timetable,
    dispatcher,
    prefetch,
    quarantine,
    relocation,
    survivors,
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
    declare,
    onDelivery: (delivery, queue) => intake.receive(delivery, queue),
    onRenewed: forgetTakenBack,
    clock,
    logger,
  })
  const beats = new Heartbeat({
    enabled: config.workerEvents,
    interval: config.eventHeartbeat,
    clock,
    announce: (event) => events.announce(event),
    load: () => ({ active: dispatcher.running, processed: tally.processed }),
  })
  const eventControls = {
    enable: () => events.enable(),
    disable: () => events.disable(),
    beat: () => beats.answer(),
  }
  const view = workerView({
    config,
    registry,
    table,
    tally,
    revocations,
    rateLimits,
    prefetch,
    lamport,
    pool,
    events: eventControls,
  })
  const suspects = new Suspects(config.queues, (delivery, queue) => intake.receive(delivery, queue, 'suspects'))
  const mailbox = new Mailbox({
    worker: view,
    commands: commandTable(commands),
    lamport,
    logger,
  })
  const kept: { tasks?: Kept; suspects?: Kept } = {}
  const skipGrace = new AbortController()
  const skipAbort = new AbortController()
  const stopped = deferred<'clean' | 'forced'>()
  let stopping: Promise<'clean' | 'forced'> | undefined

  return { node, start, stop, stopped: stopped.promise }

  async function start(): Promise<void> {
    const startedAt = clock.monotonic()
    const { queues, prefetch: limit, concurrency, acks } = config
    logger.info(
      { event: 'worker.starting', broker: redactUrl(config.broker), queues, tasks: registry.names() },
      'starting',
    )
    const saved = await stateFile?.load()
    if (saved !== undefined) revocations.restore(saved)
    consuming.listen((event) => logSession(logger, 'consumer', event))
    publishing.listen((event) => logSession(logger, 'publisher', event))
    await Promise.all([publishing.start(), consuming.start(), pool.start()])
    loopWatch?.start()
    await mingle({ broker, worker: view, lamport, clock, logger })
    kept.suspects = consuming.keep('suspects', async (channel, signal) => {
      signal.addEventListener('abort', rememberSurvivors, { once: true })
      await suspects.setup(channel, current().server)
    })
    const consumers = consuming.keep('consumer', async (channel, signal) => {
      signal.addEventListener('abort', rememberSurvivors, { once: true })
      const connection = current()
      await consumer.setup(channel, signal, connection.server)
      for (const queue of config.queues.slice(0, 1)) {
        watchLiveness({ connection, channel, queue, clock, heartbeatMs: config.heartbeat, signal })
      }
    })
    const control = consuming.keep('mailbox', (channel) => mailbox.setup(channel, current().server))
    kept.tasks = consumers
    await Promise.all([kept.suspects.ready, consumers.ready, control.ready])
    events.start(() => beats.online())
    const ms = Math.round(clock.monotonic() - startedAt)
    logger.info({ event: 'worker.ready', queues, concurrency, prefetch: limit, acks, ready_ms: ms }, 'ready')
  }

  /** An answer to a later question says that what was written before has been carried out. */
  async function acknowledged({ lane, queue }: Holding): Promise<void> {
    await setImmediate()
    await kept[lane]?.channel?.inspectQueue(queue)
  }

  function giveBack(requests: readonly Request[]): Promise<void> {
    return relocation.giveBack(requests.filter((request) => !request.acknowledged))
  }

  /** The connection that a channel was just opened on. */
  function current(): Connection {
    const { connection } = consuming
    if (connection === undefined) throw new TwqError('TWQ_CONNECTION_LOST', 'the connection is gone again')
    return connection
  }

  /** Tells monitors what became of an attempt. */
  function tell(request: Request, outcome: Outcome): void {
    const event = events.wanted ? settledEvent(request, outcome) : undefined
    if (event !== undefined) events.emit(event)
  }

  async function storeState({ message }: Request, state: State, meta: Json): Promise<void> {
    await results.store({ taskId: message.id, state, result: meta, traceback: null, children: [] }, message)
  }

  async function declare(channel: Channel, queues: readonly string[]): Promise<{ quorumQueues: string[] }> {
    const quorumQueues: string[] = []
    for (const queue of queues) {
      const status = await declareTaskQueue(consuming, queue, (difference) => {
        if (difference.argument === 'x-queue-type') quorumQueues.push(queue)
        logger.warn({ event: 'queue.differs', queue, difference: difference.error.message }, 'using the queue as it is')
      })
      await declareQuarantine(channel, queue)
      if (status.consumers > 0) {
        logger.info(
          { event: 'queue.shared', queue, consumers: status.consumers },
          'others consume this queue too: tasks that only they know are quarantined here; give Python workers a queue of their own',
        )
      }
      logger.debug(
        { event: 'queue.declared', queue, messages: status.messages, consumers: status.consumers },
        'declared',
      )
    }
    return { quorumQueues }
  }

  /** What was in hand when a channel was lost comes back, though nobody died. */
  function rememberSurvivors(): void {
    for (const request of table.all()) if (request.takenBack) survivors.add(request.message.id)
  }

  /** Requests that have not started went back to the broker with their channel; it delivers them again. */
  function forgetTakenBack(): void {
    const held = timetable.remove((request) => request.takenBack)
    prefetch.hold(-held.length)
    const limited = rateLimits.remove((request) => request.takenBack)
    for (const request of [...held, ...limited, ...dispatcher.dropTakenBack()]) table.remove(request)
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
    const how = await drain(
      { consumer, suspects, intake, timetable, rateLimits, dispatcher, table, clock, logger, giveBack, grace, abort },
      { grace: skipGrace.signal, abort: skipAbort.signal },
    )
    loopWatch?.stop()
    beats.offline()
    events.close()
    await stateFile?.flush()
    const deadline = AbortSignal.timeout(CLOSING_TIME)
    await replies?.[Symbol.asyncDispose]()
    for (const part of [pool, consuming, publishing]) await part.stop({ deadline })
    logger.info({ event: 'worker.stopped', how }, 'stopped')
    stopped.resolve(how)
    return how
  }
}
