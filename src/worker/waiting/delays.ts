import type { DelayedDelivery } from '../../broker/delayed-delivery.ts'
import { oversizeIn } from '../../broker/message-size.ts'
import type { Publisher } from '../../broker/publisher.ts'
import type { Config } from '../../config/config.ts'
import { TwqError } from '../../errors.ts'
import { delayable, delayRoute, secondsUntil } from '../../protocol/headers/delay-route.ts'
import { markedCopy } from '../../protocol/headers/suspect.ts'
import type { TaskQueue } from '../../protocol/queue/task-queue.ts'
import type { WireMessage } from '../../protocol/wire.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import { factsOf, mayHaveStarted, startsSoFar } from '../quarantine/poison-policy.ts'
import type { Moments, WorkerObserver } from '../request/moments.ts'
import type { Prefetch } from '../request/prefetch.ts'
import type { Request } from '../request/request.ts'
import { EtaQueue } from './eta-queue.ts'

/** The limits within which a worker holds messages itself; beyond them they wait with the broker. */
export interface HoldLimits {
  /** Milliseconds: no message is held longer. */
  readonly holdFor: number
  readonly maxHeld: number
  /** Bytes. */
  readonly maxHeldSize: number
}

/** The messages already held, and the new one. */
export interface HoldFacts {
  /** Whole seconds until it is due. */
  readonly seconds: number
  readonly held: number
  readonly heldBytes: number
  readonly size: number
  /** Holding a message of such a queue takes the place of another one. */
  readonly quorum: boolean
}

/** Whether a message that is not due waits here, or with the broker. The broker counts in whole seconds. */
export function waitsHere(facts: HoldFacts, limits: HoldLimits): boolean {
  const { seconds, held, heldBytes, size, quorum } = facts
  if (seconds < 1) return true
  if (quorum || seconds * 1000 > limits.holdFor) return false
  return held < limits.maxHeld && heldBytes + size <= limits.maxHeldSize
}

/** The parts that delaying works with. */
export interface DelaysParts {
  readonly delivery: DelayedDelivery
  readonly publisher: Publisher
  readonly moments: Pick<Moments, 'due'>
  readonly prefetch: Prefetch
  readonly config: HoldLimits & Pick<Config, 'delayedDelivery'>
  readonly clock: Clock
  readonly logger: EventLogger
}

// Published concurrently, so that messages behind them in the queue need not wait for each confirm.
const MOST_MOVING = 1_000
const MOST_BYTES_MOVING = 16 * 1024 * 1024

/** Where tasks wait for their ETA: here, or in Celery's native delayed delivery, which costs this worker nothing. */
export class Delays implements WorkerObserver {
  readonly #parts: DelaysParts
  readonly #etaQueue: EtaQueue
  readonly #quorumQueues = new Set<string>()
  #moving = 0
  #bytesMoving = 0
  #full = false

  constructor(parts: DelaysParts) {
    this.#parts = parts
    this.#etaQueue = new EtaQueue(parts.clock, (request) => this.#due(request))
  }

  /**
   * A queue is consumed from now on. Tasks of a quorum queue wait with the broker, however short the delay: that is prepared
   * before there are any.
   */
  declared(queue: TaskQueue, { quorum }: { readonly quorum: boolean }): void {
    const { name } = queue
    if (quorum) this.#quorumQueues.add(name)
    else this.#quorumQueues.delete(name)
    const { config, delivery, logger } = this.#parts
    if (!quorum && config.delayedDelivery !== 'always') return
    void delivery.prepareFor(queue).then((ready) => {
      if (ready) logger.debug({ event: 'delays.ready', queue: name }, 'tasks of this queue can wait with the broker')
    })
  }

  /** Whether the broker should have this request until `due`, milliseconds since the epoch. */
  shouldMove(request: Request, due: number): boolean {
    const { delivery, config } = this.#parts
    if (!delivery.usable) return false
    const facts = { ...this.#facts(request.queue, due), size: sizeOf(request.delivery) }
    return !waitsHere({ ...facts, held: this.#etaQueue.size, heldBytes: this.#etaQueue.bytes }, config)
  }

  /** Holds a request here until `due`. Above the limits it takes the place of another task. */
  hold(request: Request, due: number): void {
    const { prefetch, config, logger } = this.#parts
    const etaQueue = this.#etaQueue
    const size = sizeOf(request.delivery)
    const apart = etaQueue.size < config.maxHeld && etaQueue.bytes + size <= config.maxHeldSize
    etaQueue.hold(request, due, size)
    if (apart) request.prefetchSlot = prefetch.hold()
    else if (!this.#full && this.#facts(request.queue, due).seconds > 0) {
      this.#full = true
      const fields = { event: 'tasks.held' as const, held: etaQueue.size, bytes: etaQueue.bytes }
      logger.warn(fields, 'as many tasks wait here as may; further ones take the places of running tasks')
    }
  }

  /** Removes and returns every held request that matches `predicate`. */
  remove(predicate: (request: Request) => boolean): Request[] {
    const removed = this.#etaQueue.remove(predicate)
    for (const request of removed) this.#release(request)
    return removed
  }

  /**
   * Passes a request to the broker until `due`: the same bytes, published, confirmed, and only then acknowledged. False if the
   * broker refuses it. Never rejects.
   */
  async move(request: Request, due: number): Promise<boolean> {
    const { prefetch, logger } = this.#parts
    const size = sizeOf(request.delivery)
    const apart = this.#moving < MOST_MOVING && this.#bytesMoving < MOST_BYTES_MOVING
    this.#moving += 1
    this.#bytesMoving += size
    const place = apart ? prefetch.lend() : undefined
    const moved = await this.#send(copyOf(request), request.queue, due)
    if (place !== undefined) prefetch.release(place)
    this.#moving -= 1
    this.#bytesMoving -= size
    if (!moved) return false
    request.acknowledge()
    if (logger.isLevelEnabled('debug')) {
      const { message, queue } = request
      const fields = { task_id: message.id, task: message.task, queue, eta: new Date(due).toISOString() }
      logger.debug({ event: 'task.delayed', ...fields }, 'task waits with the broker')
    }
    return true
  }

  /** Sends a retry to wait with the broker, if it should wait there. False if it should not. Never rejects. */
  async retry(message: WireMessage, queue: string, due: number): Promise<boolean> {
    const { delivery, config } = this.#parts
    if (!delivery.usable) return false
    const facts = { ...this.#facts(queue, due), size: sizeOf(message), held: 0, heldBytes: 0 }
    return !waitsHere(facts, config) && (await this.#send(message, queue, due))
  }

  #due(request: Request): void {
    this.#release(request)
    this.#parts.moments.due(request, false)
  }

  #release(request: Request): void {
    if (request.prefetchSlot !== undefined) this.#parts.prefetch.release(request.prefetchSlot)
    request.prefetchSlot = undefined
  }

  #facts(queue: string, due: number): { seconds: number; quorum: boolean } {
    return { seconds: secondsUntil(due, this.#parts.clock.now()), quorum: this.#quorumQueues.has(queue) }
  }

  async #send(message: WireMessage, queue: string, due: number): Promise<boolean> {
    const { delivery, publisher, clock } = this.#parts
    // Twice, since the broker may have been reset since it was queried.
    for (let attempt = 1; attempt <= 2; attempt += 1) {
      if (!delivery.has(queue) && !(await delivery.prepare(queue))) return false
      const seconds = secondsUntil(due, clock.now())
      if (seconds < 1) return false
      const outgoing = { route: delayRoute(queue, seconds), message: delayable(message) }
      try {
        if ((await publisher.publish(outgoing, { mandatory: true })) === 'confirmed') return true
      } catch (error) {
        if (!TwqError.is(error, 'TWQ_QUEUE_MISSING')) {
          // An error about this message says nothing about the others.
          const ofThisMessage =
            TwqError.is(error, 'TWQ_CLOSED', 'TWQ_UNSERIALISABLE') || oversizeIn(error) !== undefined
          if (!ofThisMessage) delivery.giveUp(error as Error)
          return false
        }
      }
      delivery.forget(queue)
    }
    return false
  }
}

/** The copy for the broker: marked with the message's past, if it has one, and otherwise unchanged. */
function copyOf({ delivery, source, lostWithConnection, queue }: Request): WireMessage {
  const facts = factsOf(delivery, source, lostWithConnection)
  const [{ starts }, redelivered] = [startsSoFar(facts), mayHaveStarted(facts)]
  return starts === 0 && !redelivered ? delivery : markedCopy(delivery, { queue, starts, redelivered }).message
}

function sizeOf({ body, rawHeaders }: Pick<WireMessage, 'body' | 'rawHeaders'>): number {
  return body.length + (rawHeaders?.length ?? 0)
}
