import type { DelayedDelivery, DelayTarget } from '../broker/delayed-delivery.ts'
import { oversizeIn } from '../broker/message-size.ts'
import type { Publisher } from '../broker/publisher.ts'
import { TwqError } from '../errors.ts'
import { delayable, delayRoute, secondsUntil } from '../protocol/headers/delay-route.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { timeLimit } from '../runtime/time/time-limit.ts'
import type { DeclaredQueues } from './declared-queues.ts'
import type { Router } from './router.ts'

/** The parts that native delayed delivery of tasks works with. */
export interface DelayedTasksParts {
  readonly delivery: DelayedDelivery
  /** Milliseconds: the longest delay that is left to the worker of a classic queue. */
  readonly holdFor: number
  readonly publisher: Publisher
  readonly queues: Pick<DeclaredQueues, 'isQuorum'>
  readonly router: Pick<Router, 'queueNamed'>
  readonly clock: Clock
}

/** A task that is ready to be published, and when it may start. */
export interface DelayedTask {
  readonly queue: string
  /** Milliseconds since the epoch; undefined: at once. */
  readonly eta?: number | undefined
  readonly outgoing: Outgoing
}

/** Until when a task is to be handed over, by the monotonic clock, and what ends it earlier. */
export interface DelayLimits {
  readonly due?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Hands tasks to native delayed delivery: those due in more than `holdFor`, and all delayed ones of quorum queues, where a
 * message that a worker holds costs a place. Used for every send: single tasks, workflows, and what follows a task.
 */
export class DelayedTasks {
  readonly #parts: DelayedTasksParts

  constructor(parts: DelayedTasksParts) {
    this.#parts = parts
  }

  /**
   * Resolves with true once the broker has confirmed the task in the delayed delivery, with false where it is to be sent to
   * its queue at once: it is due soon, goes by an exchange or key that is not the queue's own, or the delivery can't be used.
   * Rejects as `Publisher.publish` does.
   */
  async publish(task: DelayedTask, { due, signal }: DelayLimits = {}): Promise<boolean> {
    const { delivery, clock, publisher } = this.#parts
    const { eta, outgoing } = task
    const target = this.#targetOf(task)
    if (eta === undefined || target === undefined || !this.#waitsWithBroker(task.queue, eta)) return false
    if (!delivery.has(target) && !(await this.#prepare(target, due, signal))) return false
    const seconds = secondsUntil(eta, clock.now())
    if (seconds < 1) return false
    const key = typeof target === 'string' ? target : target.routingKey
    const delayed = { route: delayRoute(key, seconds), message: delayable(outgoing.message) }
    const timeout = due === undefined ? {} : { timeout: Math.max(0, due - clock.monotonic()) }
    try {
      const limits = { mandatory: true, ...timeout, ...(signal === undefined ? {} : { signal }) }
      if ((await publisher.publish(delayed, limits)) === 'confirmed') return true
      delivery.forget(target)
    } catch (error) {
      // A message that is too large says nothing about the others: its queue refuses it with the same words.
      if (oversizeIn(error) !== undefined) return false
      if (!TwqError.is(error, 'TWQ_QUEUE_MISSING', 'TWQ_BROKER_PERMISSION', 'TWQ_PUBLISH_REFUSED')) throw error
      delivery.giveUp(error)
    }
    return false
  }

  #waitsWithBroker(queue: string, eta: number): boolean {
    const { holdFor, queues, clock } = this.#parts
    const seconds = secondsUntil(eta, clock.now())
    return seconds >= 1 && (seconds * 1000 > holdFor || queues.isQuorum(queue))
  }

  /** Where a delayed message comes out; undefined where it goes by an exchange or a key that is not the queue's own. */
  #targetOf({ queue, outgoing: { route } }: DelayedTask): DelayTarget | undefined {
    if (route.exchange === '') return queue
    const { exchange, routingKey } = this.#parts.router.queueNamed(queue)
    const own = exchange.name === route.exchange && routingKey === route.routingKey
    return own && exchange.type === 'topic' ? { queue, ...route } : undefined
  }

  /** Takes half of the time that is left at most: the other half is for sending without. */
  async #prepare(target: DelayTarget, due: number | undefined, signal: AbortSignal | undefined): Promise<boolean> {
    const { delivery, clock } = this.#parts
    if (due === undefined) return await delivery.prepare(target, signal)
    const late = new Error('too late')
    using limit = timeLimit({ ms: (due - clock.monotonic()) / 2, signal, reason: () => late })
    try {
      return await delivery.prepare(target, limit.signal)
    } catch (error) {
      if (error === late) return false
      throw error
    }
  }
}
