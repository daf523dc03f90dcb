import type { Delivery } from '../broker/broker.ts'
import { type Abandoned, abandonedBy } from '../canvas/follow-ups.ts'
import { messageOf } from '../errors.ts'
import type { TaskEvents } from '../events/publisher.ts'
import { decodeTask } from '../protocol/decode-task.ts'
import { taskFailed, unknownTaskFailed } from '../protocol/event.ts'
import { celeryError } from '../protocol/exceptions.ts'
import type { RemoteError } from '../protocol/result-record.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ExpiringSet } from '../runtime/expiring-set.ts'
import type { Logger } from '../runtime/logger.ts'
import type { TaskRegistry } from '../tasks/registry.ts'
import { receivedEvent } from './announce.ts'
import type { Delays } from './delays.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Isolation } from './isolation.ts'
import type { Orphans } from './orphans.ts'
import type { Quarantine } from './quarantine.ts'
import type { RateLimits } from './rate-limits.ts'
import type { Relocation } from './relocation.ts'
import { Request } from './request.ts'
import type { RequestTable } from './request-table.ts'
import { admit } from './strategy.ts'
import type { Suspects } from './suspects.ts'
import { type DeliveryFacts, factsOf, judge, judgeLoss, type Lane, mayHaveStarted, type Past } from './suspicion.ts'

/** What the intake decides by, and hands on to. */
export interface IntakeParts {
  readonly node: string
  readonly registry: TaskRegistry
  readonly acks: 'late' | 'early'
  readonly unknownTask: 'quarantine' | 'discard'
  readonly maxBodySize: number
  readonly maxStarts: number
  readonly table: RequestTable
  readonly delays: Delays
  readonly dispatcher: Dispatcher
  readonly quarantine: Quarantine
  readonly relocation: Relocation
  readonly isolation: Isolation
  /** The consumer that brings suspects. */
  readonly suspects: Pick<Suspects, 'pause' | 'resume'>
  /** The tasks whose messages this process held when it lost their channel. */
  readonly survivors: ExpiringSet
  /** The attempts whose messages the broker took back. */
  readonly orphans: Orphans
  readonly rateLimits: RateLimits
  readonly isRevoked: (message: TaskMessage) => boolean
  readonly results: ResultBackend
  readonly events: TaskEvents
  readonly clock: Clock
  readonly logger: Logger
}

/** What can't be run: why, and whom to tell. */
interface Refusal {
  readonly error: RemoteError
  readonly detail: string
  readonly starts?: number
  readonly id: string | undefined
  readonly task: string | undefined
  readonly replyTo: string | undefined
  readonly correlationId: string | undefined
  /** Those who wait for what was to run after it. */
  readonly abandoned?: readonly Abandoned[]
  readonly discard: boolean
}

/** Takes each delivery: makes it a request that runs now or later, or sets it aside. Never throws. */
export class Intake {
  readonly #parts: IntakeParts
  /** Messages being set aside or moved right now. */
  #pending = 0
  #closed = false
  #idle: (() => void)[] = []

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Takes no more: what still arrives goes back to its queue. */
  close(): void {
    this.#closed = true
  }

  /** Resolves when no message is being set aside or moved. */
  async idle(): Promise<void> {
    if (this.#pending > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  /** Takes one delivery from `queue`, or from the suspects of `queue`. */
  receive(delivery: Delivery, queue: string, lane: Lane = 'tasks'): void {
    if (this.#closed) {
      this.#track(this.#parts.relocation.giveBack([{ delivery, queue, lane }]))
      return
    }
    const { registry, table, dispatcher, events, clock, logger } = this.#parts
    const decoded = decodeTask(delivery, { maxBodySize: this.#parts.maxBodySize })
    if (decoded.kind === 'malformed') {
      const { malformed } = decoded
      const error = celeryError(malformed.type, [malformed.reason])
      this.#refuse(delivery, queue, { ...malformed, error, detail: malformed.reason, discard: false })
      return
    }
    const { message } = decoded
    const task = registry.get(message.task)
    if (task === undefined) {
      const error = celeryError('NotRegistered', [message.task])
      if (events.wanted) events.emit(unknownTaskFailed(message.id, error))
      this.#refuse(delivery, queue, {
        error,
        detail: `no task named ${JSON.stringify(message.task)} is registered here`,
        id: message.id,
        task: message.task,
        replyTo: message.replyTo,
        correlationId: message.correlationId,
        abandoned: abandonedBy(message),
        discard: this.#parts.unknownTask === 'discard',
      })
      return
    }
    const running = delivery.redelivered ? this.#parts.orphans.running(message) : undefined
    if (running !== undefined) {
      this.#track(running.then(() => (delivery.alive ? this.receive(delivery, queue, lane) : undefined)))
      return
    }
    if (delivery.redelivered && this.#parts.orphans.hasFinished(message)) {
      delivery.ack()
      const fields = { task_id: message.id, task: message.task, queue }
      logger.info({ event: 'task.finished-before', ...fields }, 'the task has ended here already; not run again')
      return
    }
    const redelivered = mayHaveStarted(factsOf(delivery, lane))
    const invocation = { message, queue, redelivered, node: this.#parts.node }
    const request = new Request(delivery, task, task.settings.acks ?? this.#parts.acks, invocation, lane)
    request.survived = delivery.redelivered && this.#parts.survivors.delete(message.id)
    table.add(request)
    if (logger.isLevelEnabled('debug')) {
      logger.debug(
        { event: 'task.received', task_id: message.id, task: message.task, queue, redelivered },
        'task received',
      )
    }
    const admission = admit(message, { now: clock.now(), revoked: this.#parts.isRevoked(message) })
    // As Celery: of a task that is refused on receipt, monitors hear only that.
    if (admission.kind !== 'refuse' && events.wanted) events.emit(receivedEvent(request))
    switch (admission.kind) {
      case 'run':
        this.start(request)
        return
      case 'hold':
        // A suspect was due when it became one, by another clock than ours perhaps.
        if (lane === 'suspects') this.start(request)
        else this.#wait(request, admission.until)
        return
      case 'refuse':
        dispatcher.conclude(request, admission.outcome)
        return
    }
  }

  /** Starts a request that is due, as far as its past and its rate limit (unless it is `inTurn` by that) allow. */
  start(request: Request, { inTurn = false } = {}): void {
    const { dispatcher, isolation, maxStarts, rateLimits, relocation, table } = this.#parts
    const { delivery, lane, message } = request
    if (this.#closed) {
      table.remove(request)
      this.#track(relocation.giveBack([request]))
      return
    }
    const facts = factsOf(delivery, lane, request.survived)
    const original = facts.marked > 0 ? relocation.underway(message.id) : undefined
    if (original !== undefined) {
      this.#track(original.then(() => this.start(request, { inTurn })))
      return
    }
    const isolated = isolation.covers(message.task)
    const verdict = judge(facts, { maxStarts, isolated })
    // Suspects had their turn before they became suspects; a copy has it when it comes.
    if (lane === 'tasks' && verdict.kind !== 'mark' && !inTurn && !rateLimits.admit(request)) return
    switch (verdict.kind) {
      case 'run':
        if (lane === 'tasks') dispatcher.submit(request)
        else if (!isolated) dispatcher.startAtOnce(request)
        else if (isolation.ready) dispatcher.startAtOnce(request, isolation)
        else this.#track(this.#postpone(request))
        return
      case 'mark':
        this.#track(this.#mark(request, verdict.starts))
        return
      case 'suspect':
        this.#track(this.#suspect(request, verdict, whySuspected(verdict, facts)))
        return
      case 'quarantine':
        table.remove(request)
        this.#track(this.#condemn(request, verdict.starts))
        return
    }
  }

  /** Carries out what follows for a suspect when whatever ran it has died; resolves when that is done. */
  async lost(request: Request): Promise<void> {
    // With its channel it was taken back, and comes again.
    if (request.takenBack) return
    const { delivery, lane, startedAt, survived } = request
    const facts = factsOf(delivery, lane, survived)
    const verdict = judgeLoss(facts, { maxStarts: this.#parts.maxStarts, started: startedAt !== undefined })
    if (verdict.kind === 'quarantine') await this.#condemn(request, verdict.starts)
    else if (verdict.kind === 'suspect') await this.#suspect(request, verdict, 'whatever ran it alone died')
  }

  /** Has a request wait until `due`, here or with the broker. */
  #wait(request: Request, due: number): void {
    const { delays } = this.#parts
    if (delays.shouldMove(request, due)) this.#track(this.#move(request, due))
    else delays.hold(request, due)
  }

  async #move(request: Request, due: number): Promise<void> {
    const { delays, relocation, table } = this.#parts
    if ((await delays.move(request, due)) || request.takenBack) table.remove(request)
    else if (this.#closed) {
      table.remove(request)
      await relocation.giveBack([request])
    } else delays.hold(request, due)
  }

  async #mark(request: Request, starts: number): Promise<void> {
    const { dispatcher, logger, relocation, table } = this.#parts
    try {
      await relocation.mark(request.message.id, request, starts)
      table.remove(request)
    } catch (error) {
      // A full queue, say. That it runs is worth more than that it is counted.
      logger.warn({ event: 'task.unmarked', ...named(request), error: messageOf(error) }, 'redelivery not counted')
      dispatcher.submit(request)
    }
  }

  /** Nobody is to hold a suspect that does not run: it waits with the broker until there is a process for it. */
  async #postpone(request: Request): Promise<void> {
    const { isolation, logger, relocation, suspects, table } = this.#parts
    const prepared = isolation.prepare()
    await suspects.pause()
    try {
      await relocation.postpone(request.message.id, request)
      table.remove(request)
    } catch (error) {
      logger.warn({ event: 'task.kept', ...named(request), error: messageOf(error) }, 'suspect not postponed; it waits')
      void prepared.then(() => this.start(request))
    }
    void prepared.then(() => suspects.resume())
  }

  async #suspect(request: Request, past: Past, why: string): Promise<void> {
    const { logger, relocation, table } = this.#parts
    const { starts } = past
    try {
      await relocation.suspect(request.message.id, request, past, why)
      logger.warn({ event: 'task.suspected', ...named(request), starts }, 'task may kill its workers; it goes on alone')
    } catch (error) {
      logger.error({ event: 'message.stuck', ...named(request), error: messageOf(error) }, STUCK)
    }
    table.remove(request)
  }

  async #condemn(request: Request, starts: number): Promise<void> {
    const { events } = this.#parts
    const refusal = killed(request, starts)
    if (events.wanted) events.emit(taskFailed(request.message.id, refusal.error))
    await this.#setAside(request.delivery, request.queue, refusal)
  }

  #refuse(delivery: Delivery, queue: string, refusal: Refusal): void {
    this.#track(this.#setAside(delivery, queue, refusal))
  }

  /** `work` never rejects. */
  #track(work: Promise<void>): void {
    this.#pending += 1
    void work.finally(() => {
      this.#pending -= 1
      if (this.#pending === 0) for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  async #setAside(delivery: Delivery, queue: string, refusal: Refusal): Promise<void> {
    const { logger } = this.#parts
    const fields = {
      task_id: refusal.id,
      task: refusal.task,
      queue,
      reason: refusal.error.type,
      detail: refusal.detail,
    }
    try {
      if (!refusal.discard) {
        const { error, detail, id, task, starts } = refusal
        await this.#parts.quarantine.take(delivery, queue, { type: error.type, detail, id, task, starts })
      }
      await this.#tell(refusal)
    } catch (error) {
      // Unacknowledged it is safe with the broker, and comes again with the next connection.
      logger.error({ event: 'message.stuck', ...fields, error: messageOf(error) }, STUCK)
      return
    }
    if (refusal.discard) delivery.nack({ requeue: false })
    else delivery.ack()
    const message = refusal.discard
      ? 'message discarded: it can not be used'
      : 'message quarantined: it can not be used'
    logger.error({ event: refusal.discard ? 'message.discarded' : 'message.quarantined', ...fields }, message)
  }

  async #tell({ id, replyTo, correlationId, error, abandoned = [] }: Refusal): Promise<void> {
    const own = id === undefined ? [] : [{ id, replyTo: replyTo ?? '', correlationId: correlationId ?? id }]
    for (const waiting of [...own, ...abandoned]) {
      await this.#parts.results.store(
        { taskId: waiting.id, state: 'FAILURE', error, traceback: error.traceback, children: [] },
        waiting,
      )
    }
  }
}

const STUCK = 'a message could not be set aside; it stays unacknowledged'

function named({ message, queue }: Request): object {
  return { task_id: message.id, task: message.task, queue }
}

/** For the history of a message. */
function whySuspected({ starts }: Past, { lane, redelivered, survived }: DeliveryFacts): string {
  if (lane === 'tasks') return `came back again; its workers may have died of it ${starts} times`
  if (survived) return 'came back with a connection that was lost'
  return redelivered ? 'came back; the worker that ran it alone has ended' : 'goes on in the worker itself'
}

/** Why a task that kills its workers is not started any more. */
function killed({ message }: Request, starts: number): Refusal {
  const detail = `the task started ${starts} times, and every time its worker died before it ended`
  return {
    error: celeryError('WorkerLostError', [detail]),
    detail,
    starts,
    id: message.id,
    task: message.task,
    replyTo: message.replyTo,
    correlationId: message.correlationId,
    abandoned: abandonedBy(message),
    discard: false,
  }
}
