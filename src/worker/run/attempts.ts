import type { Publisher } from '../../broker/publisher.ts'
import { messageOf } from '../../errors.ts'
import type { TaskEvents } from '../../events/publisher.ts'
import type { PluginList } from '../../plugins/plugin-list.ts'
import type { SendHooks } from '../../plugins/send-hooks.ts'
import type { State } from '../../protocol/result-record.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { PassedOn } from '../../tasks/attempt/invocation.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { FollowUps } from '../follow-ups/follow-ups.ts'
import { admit } from '../request/admission.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import type { Moments } from '../request/moments.ts'
import type { RecentAcks } from '../request/recent-acks.ts'
import type { Request } from '../request/request.ts'
import type { Revocations } from '../request/revocations.ts'
import type { SentChildren } from '../request/sent-children.ts'
import type { TaskCounters } from '../request/task-counters.ts'
import { EndedAside } from '../settle/ended-aside.ts'
import type { FailedMessages } from '../settle/failed-messages.ts'
import type { PoisonMessages } from '../settle/poison-messages.ts'
import { type SettleListener, settle } from '../settle/settle.ts'
import { endUnsettled, type SettleParts, settleInSteps } from '../settle/settle-in-steps.ts'
import type { FailureFlags } from '../settle/settlement.ts'
import { settledEvents, startedEvent } from '../settle/task-events.ts'
import { logSettled } from '../settle/task-log.ts'
import type { Delays } from '../waiting/delays.ts'
import type { HeldAside } from '../waiting/held-aside.ts'
import type { LoopWatch } from './loop-watch.ts'

/** The parts of the worker that an attempt uses, from its start until its outcome is settled. */
export interface AttemptsParts {
  readonly config: FailureFlags & { readonly nodeName: string }
  readonly revocations: Revocations
  /** Set only if tasks run on the worker's own event loop. */
  readonly loopWatch: LoopWatch | undefined
  readonly taskCounters: TaskCounters
  readonly events: TaskEvents
  readonly publisher: Publisher
  readonly results: ResultBackend
  readonly declarations: SettleParts['declarations']
  readonly followUps: FollowUps
  readonly sentChildren: SentChildren
  readonly failed: FailedMessages
  /** Holds messages of failed tasks that must be kept and can't be for now. */
  readonly aside: Pick<HeldAside, 'settle'>
  readonly delays: Pick<Delays, 'retry'>
  /** Plugins around what the worker sends. */
  readonly sendHooks?: SendHooks | undefined
  /** Names the plugins around attempts, for the log. */
  readonly plugins?: Pick<PluginList, 'namesAround'> | undefined
  readonly finished: FinishedAttempts
  readonly recentAcks: RecentAcks
  /** Returns messages to their queues without their being counted as redelivered. Never rejects. */
  readonly giveBack: (requests: readonly Request[]) => Promise<void>
  /** Suspects or quarantines the message of a suspect whose process died. */
  readonly poison: Pick<PoisonMessages, 'lost'>
  /** Gets `started` for each attempt that starts, and `settled` once its outcome is settled. */
  readonly moments: Pick<Moments, 'started' | 'settled'>
  readonly clock: Clock
  readonly logger: EventLogger
}

const ACK_LOST = 'the task has ended, but the broker took its message back before; if it comes here again it is not run'

/**
 * What surrounds an attempt: the last check before it starts, its STARTED state and events, the states that its code
 * stores, and the settlement of its outcome. The dispatcher calls it; nothing else does.
 */
export class Attempts {
  readonly #parts: AttemptsParts
  readonly #settleParts: SettleParts

  constructor(parts: AttemptsParts) {
    this.#parts = parts
    this.#settleParts = {
      ...parts,
      flags: parts.config,
      endedAside: new EndedAside(parts),
      onAgain: (request, outcome) => this.#announceAgain(request, outcome),
      onAcknowledged: ({ message }) => parts.recentAcks.add(message),
      onAckLost: (request) => this.#ackLost(request),
      onSuspectLost: (request) => parts.poison.lost(request),
      onSettled: (request, end) => this.#settled(request, end),
    }
  }

  /** The last check before a request starts: the outcome of a revoked or expired task, which does not run. */
  refuse({ message }: Request): Outcome | undefined {
    const { clock, revocations } = this.#parts
    const admission = admit(message, { now: clock.now(), revoked: revocations.covers(message) })
    return admission.kind === 'refuse' ? admission.outcome : undefined
  }

  /** User code is about to run in the process `pid`: acknowledges early, counts, and announces the start. */
  started(request: Request, pid: number): void {
    const { clock, config, events, loopWatch, moments, recentAcks, taskCounters } = this.#parts
    request.startedAt = clock.now()
    // A suspect of a worker with an event-loop pool runs elsewhere.
    if (pid === process.pid) loopWatch?.started(request)
    taskCounters.started(request.message.task)
    if (request.acks === 'early' && request.acknowledge()) recentAcks.add(request.message)
    if (events.wanted) events.emit(startedEvent(request))
    moments.started(request, pid)
    if (request.task.settings.trackStarted === true && !request.ignoresResult) {
      // An error is ignored: the attempt does not depend on it, and storing the result will meet and log the same problem.
      this.storeState(request, 'STARTED', { pid, hostname: config.nodeName }).catch(() => {})
    }
  }

  /** Stores a state of a running task; rejects if the backend does not accept it. */
  async storeState({ message, delivery }: Request, state: State, meta: Json): Promise<void> {
    const { results, sentChildren } = this.#parts
    const record = { taskId: message.id, state, result: meta, traceback: null, children: sentChildren.of(message) }
    await results.store(record, message, delivery.route.routingKey)
  }

  /** Adds a signature to the chord of a running task; resolves with the id of the new member. Plugins around that send get `passOn`. */
  addToChord({ message }: Request, signature: Json, passOn: PassedOn): Promise<string> {
    this.#parts.sendHooks?.passOn(message, passOn)
    return this.#parts.followUps.addToChord(message, signature)
  }

  /** Carries out what follows from an outcome, and tells `listener` of the end, perhaps before it returns; see `settle`. */
  settle(request: Request, outcome: Outcome, listener: SettleListener): void {
    if (outcome.passOn !== undefined) this.#parts.sendHooks?.passOn(request.message, outcome.passOn)
    settle(request, outcome, this.#settleParts, listener)
  }

  /** Continues a settlement that failed; see `settleInSteps`. Rejects if it must be tried again. */
  async settleAgain(request: Request, outcome: Outcome): Promise<void> {
    this.#settled(request, await settleInSteps(request, outcome, this.#settleParts))
  }

  /** Ends an attempt whose outcome can't be settled; see `endUnsettled`. Rejects if it must be tried again. */
  async endUnsettled(request: Request, outcome: Outcome, error: unknown): Promise<void> {
    const end = await endUnsettled(request, outcome, error, this.#settleParts)
    const { message, queue } = request
    const fields = { task_id: message.id, task: message.task, queue, error: messageOf(error) }
    // A message that is not acknowledged is held, which was logged.
    if (request.acknowledged) {
      const { logger } = this.#parts
      logger.error({ event: 'failure.kept', ...fields }, 'message kept: the outcome of its task cannot be settled')
    }
    this.#settled(request, end)
  }

  #settled(request: Request, outcome: Outcome): void {
    const { finished, logger, moments } = this.#parts
    // Its message may have been copied, or may have been redelivered.
    if (request.acknowledged && request.mayBeTwin) finished.addAcknowledged(request.message)
    logSettled(logger, request, outcome, this.#parts.plugins)
    if (request.announcedOutcome !== outcome) this.#emitSettled(request, outcome)
    moments.settled(request, outcome)
  }

  /** Emits the events of an outcome before the task can run again: later, monitors would see the next attempt first. */
  #announceAgain(request: Request, outcome: Outcome): void {
    this.#emitSettled(request, outcome)
    request.announcedOutcome = outcome
  }

  #emitSettled(request: Request, outcome: Outcome): void {
    const { events } = this.#parts
    if (!events.wanted) return
    for (const event of settledEvents(request, outcome)) events.emit(event)
  }

  #ackLost({ message, queue }: Request): void {
    const { finished, logger } = this.#parts
    finished.addUnacknowledged(message)
    const fields = { task_id: message.id, task: message.task, queue, lost_acks: finished.lostAcks }
    logger.warn({ event: 'task.ack-lost', ...fields }, ACK_LOST)
  }
}
