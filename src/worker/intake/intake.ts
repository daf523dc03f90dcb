import type { Delivery } from '../../broker/broker.ts'
import type { TaskEvents } from '../../events/publisher.ts'
import { readMarks } from '../../protocol/headers/suspect.ts'
import { unknownTaskFailed } from '../../protocol/remote/event.ts'
import { celeryError } from '../../protocol/result/exceptions.ts'
import { decodeTask } from '../../protocol/task/decode-task.ts'
import type { TaskMessage } from '../../protocol/task-message.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import { closest } from '../../runtime/text/closest.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import type { DeliveryReceiver } from '../consume/queue-consumers.ts'
import { type DeliverySource, factsOf, mayHaveStarted } from '../quarantine/poison-policy.ts'
import type { HeldMessage, Republisher } from '../quarantine/republisher.ts'
import { admit } from '../request/admission.ts'
import type { FinishedAttempts } from '../request/finished-attempts.ts'
import { forget, type HarmlessReturns } from '../request/harmless-returns.ts'
import type { InFlight } from '../request/in-flight.ts'
import type { Moments } from '../request/moments.ts'
import { Request } from '../request/request.ts'
import type { RequestTable } from '../request/request-table.ts'
import type { Dispatcher } from '../run/dispatcher.ts'
import { refusalOf } from '../settle/ended-aside.ts'
import type { Refusal, Refusals } from '../settle/refusals.ts'
import { receivedEvent } from '../settle/task-events.ts'
import type { Delays } from '../waiting/delays.ts'
import type { StartGate } from './start-gate.ts'

/** The parts that the intake works with. */
export interface IntakeParts {
  readonly node: string
  readonly registry: TaskRegistry
  readonly acks: 'late' | 'early'
  readonly unknownTask: 'quarantine' | 'discard'
  readonly maxBodySize: number
  readonly table: RequestTable
  readonly delays: Delays
  readonly dispatcher: Dispatcher
  readonly republisher: Republisher
  readonly refusals: Refusals
  readonly startGate: StartGate
  readonly inFlight: InFlight
  /** The messages that this process held when it lost their channel. */
  readonly harmlessReturns: HarmlessReturns
  /** The attempts whose messages may be redelivered. */
  readonly finished: FinishedAttempts
  readonly isRevoked: (message: TaskMessage) => boolean
  readonly events: TaskEvents
  /** Gets `received` for each message that can run. */
  readonly moments: Pick<Moments, 'received'>
  readonly clock: Clock
  readonly logger: EventLogger
}

/** Takes each delivery: makes it a request that runs now or later, or sets it aside. Never throws. */
export class Intake implements DeliveryReceiver {
  readonly #parts: IntakeParts

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Accepts no more: messages that still arrive are returned. */
  close(): void {
    this.#parts.inFlight.close()
  }

  /** Resolves when no message is being set aside or moved. */
  idle(): Promise<void> {
    return this.#parts.inFlight.idle()
  }

  /** Takes one delivery from `queue`, or from the suspects of `queue`. */
  receive(delivery: Delivery, queue: string, source: DeliverySource = 'tasks'): void {
    const { registry, table, dispatcher, finished, republisher, startGate, inFlight, events, moments, clock, logger } =
      this.#parts
    if (inFlight.closed) {
      inFlight.track(republisher.giveBack([{ delivery, queue, source }]))
      return
    }
    const decoded = decodeTask(delivery, { maxBodySize: this.#parts.maxBodySize })
    if (decoded.kind === 'malformed') {
      const { malformed } = decoded
      const error = celeryError(malformed.type, [malformed.reason])
      this.#refuse({ delivery, queue, source }, { ...malformed, error, detail: malformed.reason, discard: false })
      return
    }
    const { message } = decoded
    const redelivered = mayHaveStarted(factsOf(delivery, source))
    const ended = redelivered ? (readMarks(delivery.headers).ended ?? finished.endOf(message)) : undefined
    const refusal = ended === undefined ? undefined : refusalOf(message, ended)
    if (refusal !== undefined) {
      this.#refuse({ delivery, queue, source, ended }, refusal)
      return
    }
    const task = registry.get(message.task)
    if (task === undefined) {
      const refusal = unknown(message, this.#parts.unknownTask, registry.names())
      if (events.wanted) events.emit(unknownTaskFailed(message.id, refusal.error))
      this.#refuse({ delivery, queue, source }, refusal)
      return
    }
    const running = redelivered ? table.running(message) : undefined
    if (running !== undefined) {
      // The attempt continues, though the broker has taken its message back: the redelivered message waits for it.
      inFlight.track(
        table.over(running).then(() => {
          if (delivery.alive) this.receive(delivery, queue, source)
          else delivery.nack({ requeue: true })
        }),
      )
      return
    }
    if (!redelivered) finished.forget(message)
    else if (finished.acknowledge(delivery, message, queue)) return
    else table.twinCame(message)
    const invocation = { message, queue, redelivered, node: this.#parts.node }
    const request = new Request(delivery, task, task.settings.acks ?? this.#parts.acks, invocation, source)
    if (delivery.redelivered) request.lostWithConnection = this.#parts.harmlessReturns.take(message.id)
    table.add(request)
    if (logger.isLevelEnabled('debug')) {
      logger.debug(
        { event: 'task.received', task_id: message.id, task: message.task, queue, redelivered },
        'task received',
      )
    }
    const now = clock.now()
    request.receivedAt = now
    const admission = admit(message, { now, revoked: this.#parts.isRevoked(message) })
    // As in Celery, a task that is refused on receipt has no received event.
    if (admission.kind !== 'refuse') {
      if (events.wanted) events.emit(receivedEvent(request))
      moments.received(request)
    }
    switch (admission.kind) {
      case 'run':
        startGate.begin(request)
        return
      case 'hold':
        // A suspect was due when it became one, possibly by another clock than ours.
        if (source === 'suspects') startGate.begin(request)
        else this.#wait(request, admission.until)
        return
      case 'refuse':
        dispatcher.conclude(request, admission.outcome)
        return
    }
  }

  /** Makes a request wait until `due`, here or with the broker. */
  #wait(request: Request, due: number): void {
    const { delays, inFlight } = this.#parts
    if (delays.shouldMove(request, due)) inFlight.track(this.#move(request, due))
    else this.#hold(request, due)
  }

  /** Makes a request wait here, unless it was returned so often that the broker might drop it meanwhile: then a copy waits. */
  #hold(request: Request, due: number): void {
    const { delays, inFlight, startGate } = this.#parts
    if (!startGate.isWorn(request)) delays.hold(request, due)
    else inFlight.track(startGate.renew(request, () => delays.hold(request, due)))
  }

  async #move(request: Request, due: number): Promise<void> {
    const { delays, inFlight, republisher, table } = this.#parts
    if ((await delays.move(request, due)) || request.takenBack) forget(request, this.#parts)
    else if (inFlight.closed) {
      table.remove(request)
      await republisher.giveBack([request])
    } else this.#hold(request, due)
  }

  #refuse(holding: HeldMessage, refusal: Refusal): void {
    const { inFlight, refusals } = this.#parts
    inFlight.track(refusals.setAside(holding, refusal))
  }
}

const LONGEST_COMPARED = 80

/** Why a task that is not registered is not run. */
function unknown(message: TaskMessage, policy: IntakeParts['unknownTask'], names: readonly string[]): Refusal {
  // The sender chooses the name: a long one is not compared.
  const near = message.task.length > LONGEST_COMPARED ? undefined : closest(message.task, names)
  const meant = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`
  return {
    error: celeryError('NotRegistered', [message.task]),
    detail: `no task named ${JSON.stringify(message.task)} is registered here${meant}`,
    id: message.id,
    task: message.task,
    replyTo: message.replyTo,
    correlationId: message.correlationId,
    place: message,
    discard: policy === 'discard',
  }
}
