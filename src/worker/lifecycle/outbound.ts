import type { Broker } from '../../broker/broker.ts'
import { DelayedDelivery } from '../../broker/delayed-delivery.ts'
import type { OwnedPublisher, Publisher } from '../../broker/publisher.ts'
import { createPublisher } from '../../broker/publishing/session-publisher.ts'
import { createSession, type Session } from '../../broker/session.ts'
import type { Config } from '../../config/config.ts'
import { limitsOf } from '../../config/options/failures.ts'
import { hintOf } from '../../errors.ts'
import type { SendHooks } from '../../plugins/send-hooks.ts'
import { failedQueue } from '../../protocol/companion-queues.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import { declareFailed, declareQuarantine, type FailedLimits } from '../../queues/companions.ts'
import type { ResultBackend } from '../../results/backend.ts'
import { resultBackendOf } from '../../results/kinds/all.ts'
import { ResultReading } from '../../results/result-reading.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { ChordQueues } from '../../sending/chord-queues.ts'
import { DeclaredQueues } from '../../sending/declared-queues.ts'
import { DelayedTasks } from '../../sending/delayed-tasks.ts'
import { createRouter, type Router } from '../../sending/router.ts'
import { createSender, type Sender } from '../../sending/sender.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { Declarations } from '../consume/declarations.ts'
import { FollowUpPublisher } from '../follow-ups/follow-up-publisher.ts'
import { FollowUps } from '../follow-ups/follow-ups.ts'
import { Quarantine } from '../quarantine/quarantine.ts'
import type { Moments } from '../request/moments.ts'
import { SentChildren } from '../request/sent-children.ts'
import { FailedMessages } from '../settle/failed-messages.ts'
import { QueueCreation } from './queue-creation.ts'

/** The parts of the publishing half of a worker. */
export interface OutboundParts {
  readonly config: Config
  readonly registry: TaskRegistry
  readonly broker: Broker
  /** Declares the queues that tasks are sent to. */
  readonly declaring: Pick<Session, 'withChannel'>
  /** The types of the task queues: quarantines get the same type. */
  readonly declarations: Pick<Declarations, 'isQuorum'>
  readonly moments: Pick<Moments, 'quarantined' | 'kept'>
  /** Plugins around what the worker sends. */
  readonly sendHooks: SendHooks | undefined
  /** Aborts when the worker begins to leave. */
  readonly leaving: AbortSignal
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Everything that a worker publishes: results, tasks sent by tasks, follow-ups, and messages set aside. */
export interface Outbound {
  readonly publishing: Session
  readonly publisher: Publisher & Pick<OwnedPublisher, 'oldest'>
  readonly results: ResultBackend
  readonly quarantine: Quarantine
  readonly failed: FailedMessages
  /** Holds tasks that are not due. */
  readonly delivery: DelayedDelivery
  /** Stops reading the results of tasks that tasks send; before `publishing` stops. */
  stopReading(): Promise<void>
  readonly sender: Sender
  /** Where tasks go, and the queues declared for them. */
  readonly router: Router
  readonly sendQueues: DeclaredQueues
  /** Sends tasks for tasks. */
  readonly sentChildren: SentChildren
  readonly followUps: FollowUps
}

// Results, retries and progress reports that wait for confirms; far above what the limit of finished attempts allows.
const OUTSTANDING_LIMIT = 100_000

// Long enough to outlast a short refusal; a queue that stays full is logged.
const PATIENCE = 15_000

const UNUSABLE =
  "native delayed delivery can't be used: tasks wait in the worker, and come back where they wait longer than the consumer_timeout of the broker"

/** Assembles the publishing half, on a connection of its own that is not started yet. */
export function openOutbound(parts: OutboundParts): Outbound {
  const { config, registry, broker, clock, logger } = parts
  const { nodeName: node, publishTimeout } = config
  const creation = new QueueCreation({
    config,
    ofTasks: registry.names().flatMap((name) => registry.get(name)?.settings.queue ?? []),
  })
  const router = creation.watch(
    createRouter({
      queues: config.knownQueues,
      routes: config.routes,
      defaultQueue: config.defaultQueue,
      defaultPriority: config.defaultPriority,
    }),
  )
  const admitQueues = (message: TaskMessage, wanted: Iterable<string>): void => creation.admit(message, wanted)
  const publishing = createSession({ broker, name: `${node} publisher`, clock, random: Math.random })
  const publisher = createPublisher(publishing, {
    clock,
    maxOutstanding: OUTSTANDING_LIMIT,
    maxBytes: Number.POSITIVE_INFINITY,
    patience: PATIENCE,
  })
  const backend = resultBackendOf(config.resultBackend)
  if (backend.unverifiedTls !== undefined) logger.warn({ event: 'tls.unverified' }, backend.unverifiedTls)
  const { resultKeyPrefix: keyPrefix, resultPatience: patience } = config
  const results = backend.openBackend({
    publisher,
    node,
    expires: config.resultExpires,
    extended: config.resultExtended,
    keyPrefix,
    patience,
    leaving: parts.leaving,
    clock,
    logger,
  })
  const reading = new ResultReading(backend, { keyPrefix, patience, clock, logger })
  const replies = reading.repliesOver(publishing)
  const queues = new DeclaredQueues(parts.declaring, router)
  const delivery = new DelayedDelivery({
    session: publishing,
    queueType: config.delayedQueueType,
    enabled: config.delayedDelivery !== 'never',
    clock,
    onUnusable: (error) => {
      const fields = { error: error.message, hint: hintOf(error) }
      logger.warn({ event: 'delays.unusable', ...fields }, UNUSABLE)
    },
  })
  const delays = new DelayedTasks({ delivery, holdFor: config.holdFor, publisher, queues, router, clock })
  const sentChildren = new SentChildren()
  const sender = createSender({
    session: publishing,
    publisher,
    queues,
    replies,
    chords: results.chord,
    delays,
    router,
    publishTimeout,
    clock,
    inheritPriority: config.inheritPriority,
    admitQueues,
    onSent: (parent, child) => sentChildren.add(parent, child),
  })
  const followUps = new FollowUps({
    publisher: new FollowUpPublisher(publisher, queues, delays, parts.sendHooks),
    results,
    sentChildren,
    chordQueues: results.chordQueues ? new ChordQueues(publishing, queues) : undefined,
    clock,
    logger,
    origin: sender.origin,
    admitQueues,
    inheritPriority: config.inheritPriority,
    address(name, args, wanted, inherited) {
      const { queue, priority } = registry.get(name)?.settings ?? {}
      // As in Celery, a task's own setting takes precedence over routes.
      const own = { ...(queue !== undefined && { queue }), ...withPriority(priority ?? inherited) }
      return router.address(name, args, { ...own, ...wanted })
    },
  })
  return {
    publishing,
    publisher,
    results,
    quarantine: new Quarantine({
      publisher,
      declare: async (queue) => declareQuarantine(publishing, queue, { quorum: parts.declarations.isQuorum(queue) }),
      node,
      onTaken: (task) => parts.moments.quarantined(task),
      clock,
    }),
    failed: openFailed(parts, publishing, publisher),
    delivery,
    async stopReading() {
      await replies?.leave()
      await reading[Symbol.asyncDispose]()
    },
    sender,
    router,
    sendQueues: queues,
    sentChildren,
    followUps,
  }
}

function openFailed(
  { config: { failures, nodeName: node }, registry, declaring, declarations, moments, clock, logger }: OutboundParts,
  publishing: Session,
  publisher: Publisher,
): FailedMessages {
  const limits = new Map<string, FailedLimits>()
  const declare = async (queue: string): Promise<FailedLimits> => {
    const wanted = limitsOf(failures)
    const companion = await declareFailed(publishing, queue, { quorum: declarations.isQuorum(queue), limits: wanted })
    limits.set(queue, companion.limits)
    return companion.limits
  }
  return new FailedMessages({
    failures,
    registry,
    publisher,
    declare,
    limits: async (queue) => limits.get(queue) ?? (await declare(queue).catch(() => limitsOf(failures))),
    count: async (queue) => {
      const { messages } = await declaring.withChannel((channel) => channel.inspectQueue(failedQueue(queue)))
      return messages
    },
    node,
    onKept: (task) => moments.kept(task),
    clock,
    logger,
  })
}

function withPriority(priority: number | undefined): { readonly priority?: number } {
  return priority === undefined ? {} : { priority }
}
