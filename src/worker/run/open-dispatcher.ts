import type { Publisher } from '../../broker/publisher.ts'
import type { Config } from '../../config/config.ts'
import { messageOf } from '../../errors.ts'
import type { TaskEvents } from '../../events/publisher.ts'
import type { Pool } from '../../pool/pool.ts'
import type { State } from '../../protocol/result-record.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { Logger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { Quarantine } from '../quarantine/quarantine.ts'
import { admit } from '../request/admission.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import type { RecentAcks } from '../request/recent-acks.ts'
import type { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Revocations } from '../request/revocations.ts'
import type { SentChildren } from '../request/sent-children.ts'
import type { TaskCounters } from '../request/task-counters.ts'
import { EndedAside } from '../settle/ended-aside.ts'
import type { FollowUps } from '../settle/follow-ups.ts'
import { KeptOutcomes } from '../settle/kept-outcomes.ts'
import { endUnsettled, settle } from '../settle/settle.ts'
import { settledEvents, startedEvent } from '../settle/task-events.ts'
import { logSettled } from '../settle/task-log.ts'
import type { Delays } from '../waiting/delays.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import { Dispatcher } from './dispatcher.ts'
import type { LoopWatch } from './loop-watch.ts'

/** Everything that hears of an attempt, from its start until its outcome is safe. */
export interface AttemptParts {
  readonly config: Config
  readonly pool: Pool
  readonly table: RequestTable
  readonly revocations: Revocations
  /** Only where tasks run on the worker's own event loop. */
  readonly loopWatch: LoopWatch | undefined
  readonly taskCounters: TaskCounters
  readonly events: TaskEvents
  readonly publisher: Publisher
  readonly results: ResultBackend
  readonly followUps: FollowUps
  readonly sentChildren: SentChildren
  readonly quarantine: Quarantine
  /** Where messages wait that can't be set aside. */
  readonly aside: Pick<HeldAside, 'settle'>
  readonly delays: Pick<Delays, 'retry'>
  readonly finished: FinishedAttempts
  readonly recentAcks: RecentAcks
  readonly giveBack: (requests: readonly Request[]) => Promise<void>
  /** Whether a request that may have started before is not to start now: then it was taken over. */
  readonly divert: (request: Request) => boolean
  /** Nothing new is to be taken, since outcomes can't be settled; until `onResumed`. */
  readonly onHalted: () => void
  readonly onResumed: () => void
  /** Does what follows when the process of a suspect died under it. */
  readonly onSuspectLost: (request: Request) => Promise<void>
  /** Hears of a request for which there is no slot. */
  readonly onWaiting: () => void
  /** Hears of each attempt whose outcome is safe. */
  readonly onSettled: (request: Request, outcome: Outcome) => void
  readonly clock: Clock
  readonly logger: Logger
}

// Finished attempts whose results wait for the broker; beyond this no new attempt starts.
const SETTLING_LIMIT = 1_000

const ACK_LOST = 'the task has ended, but the broker took its message back before; if it comes here again it is not run'

/** A dispatcher whose attempts are counted, told of, and settled; and what keeps the outcomes that can't be. */
export function openDispatcher(parts: AttemptParts): { readonly dispatcher: Dispatcher; readonly kept: KeptOutcomes } {
  const { config, table, revocations, loopWatch, taskCounters, finished, events, results, clock, logger } = parts
  const consequences = {
    ...parts,
    flags: config,
    endedAside: new EndedAside(parts),
    // Or monitors would hear of the next attempt first, and take the task for waiting, or failed, for ever.
    onAgain: (request: Request, outcome: Outcome) => {
      tell(request, outcome)
      request.announcedOutcome = outcome
    },
    onAcknowledged: ({ message }: Request) => parts.recentAcks.add(message),
    onAckLost: (request: Request) => {
      const { message, queue } = request
      finished.addUnacknowledged(message)
      const fields = { task_id: message.id, task: message.task, queue, lost_acks: finished.lostAcks }
      logger.warn({ event: 'task.ack-lost', ...fields }, ACK_LOST)
    },
  }

  async function settleOnce(request: Request, outcome: Outcome): Promise<void> {
    ended(request, await settle(request, outcome, consequences))
  }

  const kept = new KeptOutcomes({
    settle: settleOnce,
    end: async (request, outcome, error) => {
      const end = await endUnsettled(request, outcome, error, consequences)
      const { message, queue } = request
      const fields = { task_id: message.id, task: message.task, queue, error: messageOf(error) }
      // Else it is held, and that was said.
      if (request.acknowledged) {
        logger.error({ event: 'message.quarantined', ...fields }, 'message quarantined: its outcome can not be settled')
      }
      ended(request, end)
    },
    patience: config.resultPatience,
    underway: () => parts.publisher.bytes + (results.pendingBytes ?? 0),
    onHalted: parts.onHalted,
    onResumed: parts.onResumed,
    clock,
    logger,
  })
  const dispatcher = new Dispatcher({
    kept,
    pool: parts.pool,
    concurrency: config.concurrency,
    settlingLimit: SETTLING_LIMIT,
    table,
    clock,
    logger,
    giveBack: parts.giveBack,
    onWaiting: parts.onWaiting,
    divert: parts.divert,
    refuse: ({ message }) => {
      const admission = admit(message, { now: clock.now(), revoked: revocations.covers(message) })
      return admission.kind === 'refuse' ? admission.outcome : undefined
    },
    onStarted: (request, pid) => {
      request.startedAt = clock.now()
      // A suspect of an event loop's worker runs elsewhere.
      if (pid === process.pid) loopWatch?.started(request)
      taskCounters.started(request.message.task)
      if (request.acks === 'early' && request.acknowledge()) parts.recentAcks.add(request.message)
      if (events.wanted) events.emit(startedEvent(request))
      if (request.task.settings.trackStarted === true && !request.ignoresResult) {
        const started = { pid, hostname: config.nodeName }
        // What follows does not depend on it, and would tell of the same trouble.
        storeState(request, 'STARTED', started).catch(() => {})
      }
    },
    onState: storeState,
    onAddToChord: ({ message }, signature) => parts.followUps.addToChord(message, signature),
    settle: settleOnce,
  })
  return { dispatcher, kept }

  function ended(request: Request, outcome: Outcome): void {
    // Its message may have been copied, or be here once more.
    if (request.acknowledged && request.mayBeTwin) finished.addAcknowledged(request.message)
    logSettled(logger, request, outcome)
    if (request.announcedOutcome !== outcome) tell(request, outcome)
    parts.onSettled(request, outcome)
  }

  async function storeState({ message, delivery }: Request, state: State, meta: Json): Promise<void> {
    const record = {
      taskId: message.id,
      state,
      result: meta,
      traceback: null,
      children: parts.sentChildren.of(message),
    }
    await results.store(record, message, delivery.route.routingKey)
  }

  /** Tells monitors what became of an attempt. */
  function tell(request: Request, outcome: Outcome): void {
    if (!events.wanted) return
    for (const event of settledEvents(request, outcome)) events.emit(event)
  }
}
