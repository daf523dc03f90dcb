import type { AnswerSource, Publisher } from '../broker/publisher.ts'
import type { Session } from '../broker/session.ts'
import { TwqError } from '../errors.ts'
import type { Replies } from '../results/replies.ts'
import { shellWord } from '../runtime/text/shell-word.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { deferred } from '../runtime/time/deferred.ts'
import { onAbort } from '../runtime/time/on-abort.ts'
import { timeLimit, unlessAborted } from '../runtime/time/time-limit.ts'
import type { DeclaredQueues } from './declared-queues.ts'
import type { DelayedTasks } from './delayed-tasks.ts'
import type { PreparedTask } from './prepare-task.ts'
import { type SendWait, SendWindow } from './send-window.ts'

/** The parts that publishing a prepared task works with. */
export interface TaskPublisherParts {
  readonly session: Session
  readonly publisher: Publisher
  readonly queues: DeclaredQueues
  readonly replies: Replies | undefined
  readonly delays?: DelayedTasks | undefined
  readonly publishTimeout: number
  readonly clock: Clock
}

/** How long a publish may take: until `due` by the monotonic clock, or `signal` aborts; and what proves it before its confirm. */
interface PublishLimits {
  readonly due: number
  readonly signal: AbortSignal | undefined
  readonly answer?: AnswerSource | undefined
}

/** The bounds of unconfirmed sends: further ones wait for room. */
export const WINDOW = { messages: 10_000, bytes: 16 * 1024 * 1024 }

const NOT_SENT = 'It was not sent: send it again once the broker answers'

/**
 * Publishes prepared tasks: declares their queues, opens the reply queue, leaves to native delayed delivery what is due late, and
 * tells a message that was never published from one whose fate is unknown.
 */
export class TaskPublisher {
  readonly #options: TaskPublisherParts
  readonly #queues: DeclaredQueues
  readonly #window = new SendWindow(WINDOW)
  #lastError: Error | undefined
  #everConnected = false

  constructor(parts: TaskPublisherParts) {
    this.#options = parts
    this.#queues = parts.queues
    parts.session.listen((event) => {
      if (event.kind === 'connected') {
        this.#lastError = undefined
        this.#everConnected = true
      } else if (event.kind === 'lost' || event.kind === 'retrying') this.#lastError = event.error
    })
  }

  /** When a send that begins now has to be over, by the monotonic clock. */
  get due(): number {
    return this.#options.clock.monotonic() + this.#options.publishTimeout
  }

  /** Takes a place among the messages that are on the way; undefined where there is room at once. To be left again. */
  enter(prepared: PreparedTask, due: number, signal: AbortSignal | undefined): Promise<void> | undefined {
    const wait = this.#window.enter(sizeOf(prepared))
    return wait && this.#waitForRoom(wait, prepared, due, signal)
  }

  /** Leaves the place that `enter` took. */
  leave(prepared: PreparedTask): void {
    this.#window.leave(sizeOf(prepared))
  }

  async #waitForRoom(wait: SendWait, prepared: PreparedTask, due: number, signal: AbortSignal | undefined) {
    const { clock } = this.#options
    const late = deferred<never>()
    const timer = clock.after(due - clock.monotonic(), () => late.reject(this.tooLate(prepared, false)))
    const stop = signal && onAbort(signal, () => late.reject(signal.reason))
    try {
      await Promise.race([wait.admitted, late.promise])
    } catch (error) {
      wait.cancel()
      throw error
    } finally {
      timer.cancel()
      stop?.()
    }
  }

  /**
   * Resolves once the broker has confirmed it, or `answer` has come. Rejects with `TWQ_PUBLISH_UNROUTABLE`, or with what `tooLate`
   * says after `due`.
   */
  async publish(prepared: PreparedTask, limits: PublishLimits): Promise<void> {
    const { clock } = this.#options
    const { due, signal } = limits
    if (!this.#isReady(prepared)) await this.#makeReady(prepared, due - clock.monotonic(), signal)
    if (prepared.eta !== undefined && (await this.#delayed(prepared, due, signal))) return
    if ((await this.#confirmed(prepared, limits)) === 'confirmed') return
    this.#queues.forget(prepared.queue)
    await this.#makeReady(prepared, due - clock.monotonic(), signal)
    if ((await this.#confirmed(prepared, limits)) === 'confirmed') return
    throw new TwqError(
      'TWQ_PUBLISH_UNROUTABLE',
      `${prepared.task}[${prepared.id}] could not be routed to queue '${prepared.queue}'`,
      {
        hint: `Start a worker that consumes '${prepared.queue}', or let this user declare queues`,
      },
    )
  }

  /** Leaves a task that is due much later to native delayed delivery; false where its worker has to wait, as ever. */
  async #delayed(prepared: PreparedTask, due: number, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      return (await this.#options.delays?.publish(prepared, { due, signal })) ?? false
    } catch (error) {
      throw TwqError.is(error, 'TWQ_PUBLISH_TIMEOUT') ? this.tooLate(prepared) : error
    }
  }

  async #confirmed(prepared: PreparedTask, { due, signal, answer }: PublishLimits) {
    const { publisher, clock } = this.#options
    const timeout = Math.max(0, due - clock.monotonic())
    try {
      return await publisher.publish(prepared.outgoing, { mandatory: true, timeout, signal, answer })
    } catch (error) {
      throw TwqError.is(error, 'TWQ_PUBLISH_TIMEOUT') ? this.tooLate(prepared) : error
    }
  }

  /** Whether the target queue exists and results have somewhere to go: so it is for all but the first. */
  #isReady({ queue, wantsResult }: PreparedTask): boolean {
    const { replies } = this.#options
    return this.#queues.has(queue) && (!wantsResult || replies === undefined || replies.isOpen)
  }

  async #makeReady(prepared: PreparedTask, ms: number, signal: AbortSignal | undefined): Promise<void> {
    using limit = timeLimit({ ms, signal, reason: () => this.tooLate(prepared, false) })
    await unlessAborted(this.#queues.declare(prepared.queue), limit.signal)
    if (!prepared.wantsResult) return
    await this.#options.replies?.open(limit.signal, { quorum: this.#queues.isQuorum(prepared.queue) })
  }

  /** The error for a send whose time is up; `published`: something of it may have reached the broker. */
  tooLate(prepared: Pick<PreparedTask, 'task' | 'id' | 'queue'>, published = this.#everConnected): TwqError {
    const { session, publishTimeout } = this.#options
    const { task, id, queue } = prepared
    const what = `${task}[${id}] was not confirmed within ${publishTimeout} ms`
    if (!session.connected) {
      return new TwqError('TWQ_BROKER_UNREACHABLE', `${what}: there is no connection to the broker`, {
        hint: published ? 'It may have been sent: send it again only if running it twice does no harm' : NOT_SENT,
        cause: this.#lastError,
      })
    }
    const blocked = session.connection?.blocked
    const why = blocked === undefined ? what : `${what}: the broker takes none (${blocked})`
    const fate = published ? 'It may arrive yet: send it again only if running it twice does no harm' : NOT_SENT
    const isSilent = blocked === undefined && this.#queues.isQuorum(queue)
    return new TwqError('TWQ_PUBLISH_TIMEOUT', why, { hint: isSilent ? `${fate}\n${lookAt(queue)}` : fate })
  }
}

/** A quorum queue whose node answers, and whose other members are down, leaves messages without an answer. */
function lookAt(queue: string): string {
  return `A quorum queue without a majority of its members takes none: rabbitmq-queues quorum_status ${shellWord(queue)}`
}

function sizeOf({ outgoing }: PreparedTask): number {
  return outgoing.message.body.length
}
