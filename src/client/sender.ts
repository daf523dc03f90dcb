import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { DelayedDelivery, DelayTarget } from '../broker/delayed-delivery.ts'
import type { Publisher } from '../broker/publisher.ts'
import type { Session } from '../broker/session.ts'
import type { FollowUp } from '../canvas/apply.ts'
import { TwqError } from '../errors.ts'
import type { ResultTuple } from '../protocol/chord.ts'
import { delayable, delayRoute, secondsUntil } from '../protocol/delay-route.ts'
import { JOIN_TASK } from '../protocol/queued-chord.ts'
import type { TaskMessage } from '../protocol/task-message.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { ChordJoin } from '../results/backend.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { timeLimit, unlessAborted } from '../runtime/time-limit.ts'
import { isCanvas, isTask } from '../tasks/brand.ts'
import type { AnyArguments, AnyHandle, Canvas, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import { ChordQueues } from './chord-queues.ts'
import { DeclaredQueues } from './declared-queues.ts'
import type { Replies } from './replies.ts'
import type { Router } from './router.ts'
import { checkArguments, type PreparedTask, prepareTask } from './send.ts'
import { type PreparedCanvas, prepareCanvas } from './send-canvas.ts'
import { handleOf, readableTasks } from './sent-canvas.ts'
import { SentTask } from './task-handle.ts'

/** What sending needs around it. */
export interface SenderOptions {
  /** Where queues are declared. */
  readonly session: Session
  readonly publisher: Publisher
  /** For those who share them; else it has its own. */
  readonly queues?: DeclaredQueues
  /** Where results come back to; without it nobody reads any. */
  readonly replies: Replies | undefined
  /** Who is told of chords before they start, where a result backend joins them. */
  readonly chords?: Pick<ChordJoin, 'begin'> | undefined
  readonly router: Router
  /** Where tasks wait that are due later than `holdFor` milliseconds from now, and all delayed ones of quorum queues; without it nowhere. */
  readonly delays?: { readonly delivery: DelayedDelivery; readonly holdFor: number } | undefined
  /** Milliseconds that one send may take until the broker's confirm. */
  readonly publishTimeout: number
  readonly clock: Clock
  /** True: what a task sends gets its priority where nothing else says one. */
  readonly inheritPriority?: boolean
  /** Hears of what a task has sent, in the form in which its result lists it. */
  readonly onSent?: (parent: TaskMessage, child: ResultTuple | null) => void
}

/** The sends that wait for a connection or a queue at once; the publisher bounds those beyond. */
const MOST_WAITING = 10_000

/** Messages of one workflow that wait for their confirms at once. */
const BATCH = 1_000

const NOT_SENT = 'It was not sent: send it again once the broker answers'

type Target = AnyTask | string | Canvas

/** Sends tasks over a session: from a program of its own, or from inside tasks. */
export interface Sender {
  /** How it names itself in the messages it sends: `gen<pid>@<host>`. */
  readonly origin: string
  /** A way to send: as children of the task that `parent` runs, or as nobody's. Costs nothing. */
  sendFor(parent?: TaskMessage): Send
  /** The message that a send would publish now, and where: nothing is sent. Throws as a send rejects. */
  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing
  /** Resolves when no send is under way. */
  settled(): Promise<void>
}

/** A sender on a session that somebody else starts and stops; several may share one publisher and one reply queue. */
export function createSender(options: SenderOptions): Sender {
  return new SessionSender(options)
}

class SessionSender implements Sender {
  readonly #options: SenderOptions
  readonly #queues: DeclaredQueues
  readonly #chordQueues: ChordQueues
  readonly origin = `gen${process.pid}@${hostname()}`
  #lastError: Error | undefined
  #everConnected = false
  #waiting = 0
  #underWay = 0
  #keepAlive: NodeJS.Timeout | undefined
  #idle: Deferred<void> | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#queues = options.queues ?? new DeclaredQueues(options.session, options.router)
    this.#chordQueues = new ChordQueues(options.session, this.#queues)
    options.session.listen((event) => {
      if (event.kind === 'connected') {
        this.#lastError = undefined
        this.#everConnected = true
      } else if (event.kind === 'lost' || event.kind === 'retrying') this.#lastError = event.error
    })
  }

  sendFor(parent?: TaskMessage): Send {
    const send = (target: Target, args?: AnyArguments, options: SendOptions = {}): Promise<AnyHandle> =>
      isCanvas(target)
        ? this.#sendCanvas(target, (args ?? {}) as SendOptions, parent)
        : this.#send(target, args, options, parent)
    return send as Send
  }

  encode(target: AnyTask | string, args?: AnyArguments, options: SendOptions = {}): Outgoing {
    return this.#prepare(target, args, options, undefined).outgoing
  }

  async settled(): Promise<void> {
    if (this.#underWay === 0) return
    this.#idle ??= deferred()
    await this.#idle.promise
  }

  async #send(target: AnyTask | string, args: AnyArguments | undefined, options: SendOptions, parent?: TaskMessage) {
    this.#begin()
    let prepared: PreparedTask | undefined
    try {
      prepared = this.#prepare(target, args, options, parent)
      if (typeof target !== 'string') await checkArguments(target, args)
      const feed = prepared.wantsResult ? this.#options.replies?.follow(prepared.id) : undefined
      await this.#publish(prepared, options.signal)
      if (parent !== undefined) this.#options.onSent?.(parent, [[prepared.id, null], null])
      return new SentTask(prepared.id, prepared.task, feed)
    } catch (error) {
      if (prepared?.wantsResult) this.#options.replies?.forget(prepared.id)
      throw error
    } finally {
      this.#end()
    }
  }

  /** Sends the tasks that start a workflow; when that fails, some of them may be on their way. */
  async #sendCanvas(canvas: Canvas, options: SendOptions, parent?: TaskMessage): Promise<AnyHandle> {
    this.#begin()
    const { clock, replies, router, chords: joiner, inheritPriority = false } = this.#options
    let followed: readonly string[] = []
    try {
      const chords = joiner !== undefined ? 'backend' : replies !== undefined ? 'queue' : 'nobody'
      const facts = {
        now: clock.now(),
        origin: this.origin,
        replyTo: replies?.name,
        router,
        chords,
        parent,
        inheritPriority,
      } as const
      const prepared = prepareCanvas(canvas, options, facts)
      const { node, messages, joins, chordQueues, announced } = prepared
      followed = readableTasks(node)
      const feeds = new Map(followed.map((id) => [id, replies?.follow(id)]))
      await Promise.all(announced.map((chord) => joiner?.begin(chord)))
      if (chordQueues.length > 0) await this.#declareChords(prepared, options.signal)
      await this.#publishAll(messages, followed.length > 0, options.signal)
      // Last: a chord that was not sent whole is not waited for either, and its queue expires.
      await this.#publishAll(joins, false, options.signal)
      if (parent !== undefined) this.#options.onSent?.(parent, prepared.child)
      return handleOf(node, (id) => feeds.get(id))
    } catch (error) {
      for (const id of followed) replies?.forget(id)
      throw error
    } finally {
      this.#end()
    }
  }

  async #publishAll(messages: readonly FollowUp[], wantsResult: boolean, signal: AbortSignal | undefined) {
    for (let start = 0; start < messages.length; start += BATCH) {
      const batch = messages.slice(start, start + BATCH)
      await Promise.all(batch.map((message) => this.#publish({ ...message, wantsResult }, signal)))
    }
  }

  async #declareChords({ chordQueues, messages }: PreparedCanvas, signal: AbortSignal | undefined): Promise<void> {
    const reason = () => this.#tooLate({ task: JOIN_TASK, id: chordQueues[0] as string })
    using limit = timeLimit({ ms: this.#options.publishTimeout, signal, reason })
    const taskQueues = messages.map(({ queue }) => queue)
    await this.#chordQueues.declare(chordQueues, taskQueues, limit.signal)
  }

  #prepare(target: unknown, args: AnyArguments | undefined, options: SendOptions, parent: TaskMessage | undefined) {
    if (typeof target !== 'string' && !isTask(target)) {
      const got = target === null ? 'null' : typeof target
      throw new TwqError('TWQ_ARGUMENTS', `send takes a task or its name, got ${got}`, {
        hint: "Write send(add, { x: 1, y: 2 }) with a task that defineTask made, or send('add', [1, 2])",
      })
    }
    const { router, clock, replies, inheritPriority = false } = this.#options
    return prepareTask(target, args, options, {
      id: randomUUID(),
      now: clock.now(),
      origin: this.origin,
      replyTo: replies?.name,
      router,
      parent,
      inheritPriority,
    })
  }

  async #publish(prepared: PreparedTask, signal: AbortSignal | undefined): Promise<void> {
    const { clock, publishTimeout } = this.#options
    const due = clock.monotonic() + publishTimeout
    if (!this.#isReady(prepared)) await this.#makeReady(prepared, publishTimeout, signal)
    if (prepared.eta !== undefined && (await this.#delayed(prepared, due, signal))) return
    if ((await this.#confirmed(prepared, due, signal)) === 'confirmed') return
    this.#queues.forget(prepared.queue)
    await this.#makeReady(prepared, due - clock.monotonic(), signal)
    if ((await this.#confirmed(prepared, due, signal)) === 'confirmed') return
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `no queue '${prepared.queue}' took ${prepared.task}[${prepared.id}]`, {
      hint: `Start a worker that consumes '${prepared.queue}', or let this user declare queues`,
    })
  }

  /** Leaves a task that is due much later to native delayed delivery; false where its worker has to wait, as ever. */
  async #delayed(prepared: PreparedTask, due: number, signal: AbortSignal | undefined): Promise<boolean> {
    const { delays, clock, publisher } = this.#options
    const { eta, queue, outgoing } = prepared
    const target = this.#delayTarget(prepared)
    if (delays === undefined || eta === undefined || target === undefined) return false
    const { delivery, holdFor } = delays
    const seconds = secondsUntil(eta, clock.now())
    if (seconds < 1 || (seconds * 1000 <= holdFor && !this.#queues.isQuorum(queue))) return false
    if (!delivery.has(target) && !(await this.#prepareDelay(delivery, target, due, signal))) return false
    const key = typeof target === 'string' ? target : target.routingKey
    const delayed = { route: delayRoute(key, seconds), message: delayable(outgoing.message) }
    const timeout = Math.max(0, due - clock.monotonic())
    try {
      const limits = { mandatory: true, timeout, ...(signal === undefined ? {} : { signal }) }
      if ((await publisher.publish(delayed, limits)) === 'confirmed') return true
      delivery.forget(target)
    } catch (error) {
      if (TwqError.is(error, 'TWQ_PUBLISH_TIMEOUT')) throw this.#tooLate(prepared)
      if (!TwqError.is(error, 'TWQ_QUEUE_MISSING', 'TWQ_BROKER_PERMISSION', 'TWQ_PUBLISH_REFUSED')) throw error
      delivery.giveUp(error)
    }
    return false
  }

  /** Where a delayed message comes out; undefined where it goes by an exchange or a key that is not the queue's own. */
  #delayTarget({ queue, outgoing: { route } }: PreparedTask): DelayTarget | undefined {
    if (route.exchange === '') return queue
    const { exchange, routingKey } = this.#options.router.queueNamed(queue)
    const own = exchange.name === route.exchange && routingKey === route.routingKey
    return own && exchange.type === 'topic' ? { queue, ...route } : undefined
  }

  /** Takes half of the time that is left at most: the other half is for sending without. */
  async #prepareDelay(delivery: DelayedDelivery, target: DelayTarget, due: number, signal: AbortSignal | undefined) {
    const late = new Error('too late')
    using limit = timeLimit({ ms: (due - this.#options.clock.monotonic()) / 2, signal, reason: () => late })
    try {
      return await delivery.prepare(target, limit.signal)
    } catch (error) {
      if (error === late) return false
      throw error
    }
  }

  async #confirmed(prepared: PreparedTask, due: number, signal: AbortSignal | undefined) {
    const { publisher, clock } = this.#options
    const timeout = Math.max(0, due - clock.monotonic())
    const limits = signal === undefined ? { mandatory: true, timeout } : { mandatory: true, timeout, signal }
    try {
      return await publisher.publish(prepared.outgoing, limits)
    } catch (error) {
      throw TwqError.is(error, 'TWQ_PUBLISH_TIMEOUT') ? this.#tooLate(prepared) : error
    }
  }

  /** Whether the target queue exists and results have somewhere to go: so it is for all but the first. */
  #isReady({ queue, wantsResult }: PreparedTask): boolean {
    const { replies } = this.#options
    return this.#queues.has(queue) && (!wantsResult || replies === undefined || replies.isOpen)
  }

  async #makeReady(prepared: PreparedTask, ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting >= MOST_WAITING) {
      throw new TwqError('TWQ_PUBLISH_OVERFLOW', `${MOST_WAITING} messages wait for the broker already`, {
        hint: 'Await each send, or a bounded number of them at once',
        cause: this.#lastError,
      })
    }
    using limit = timeLimit({ ms, signal, reason: () => this.#tooLate(prepared, false) })
    this.#waiting += 1
    try {
      await unlessAborted(this.#queues.declare(prepared.queue), limit.signal)
      if (!prepared.wantsResult) return
      await this.#options.replies?.open(limit.signal, { quorum: this.#queues.isQuorum(prepared.queue) })
    } finally {
      this.#waiting -= 1
    }
  }

  #tooLate({ task, id }: Pick<PreparedTask, 'task' | 'id'>, published = this.#everConnected): TwqError {
    const { session, publishTimeout } = this.#options
    const what = `${task}[${id}] was not confirmed within ${publishTimeout} ms`
    if (!session.connected) {
      return new TwqError('TWQ_BROKER_UNREACHABLE', `${what}: there is no connection to the broker`, {
        hint: published ? 'It may have been sent: send it again only if running it twice does no harm' : NOT_SENT,
        cause: this.#lastError,
      })
    }
    const blocked = session.connection?.blocked
    const why = blocked === undefined ? what : `${what}: the broker takes none (${blocked})`
    return new TwqError('TWQ_PUBLISH_TIMEOUT', why, {
      hint: published ? 'It may arrive yet: send it again only if running it twice does no harm' : NOT_SENT,
    })
  }

  #begin(): void {
    this.#underWay += 1
    // Somebody waits: the process must not end for want of anything else to do, between two connections say.
    this.#keepAlive ??= setInterval(() => {}, 60_000)
  }

  #end(): void {
    this.#underWay -= 1
    if (this.#underWay > 0) return
    clearInterval(this.#keepAlive)
    this.#keepAlive = undefined
    this.#idle?.resolve()
    this.#idle = undefined
  }
}
