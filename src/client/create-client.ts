import { amqpBroker } from '../broker/amqp/amqp-broker.ts'
import type { Broker } from '../broker/broker.ts'
import { DelayedDelivery, type DelayedQueueType } from '../broker/delayed-delivery.ts'
import { createPublisher } from '../broker/publisher.ts'
import { createSession } from '../broker/session.ts'
import { TwqError } from '../errors.ts'
import { type EventOptions, type EventStream, receiveEvents } from '../events/receiver.ts'
import { type QueueSettings, readQueue } from '../protocol/queue-settings.ts'
import { isPriority, type Routes, routeProblems } from '../protocol/routes.ts'
import type { Outgoing } from '../protocol/wire.ts'
import { isRedisUrl, parseRedisUrl } from '../results/redis-address.ts'
import { redisKeys } from '../results/redis-keys.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { parseDuration } from '../runtime/duration.ts'
import type { Json } from '../runtime/json.ts'
import type { Logger } from '../runtime/logger.ts'
import { maskPasswords } from '../runtime/mask-passwords.ts'
import type { AnyArguments, GroupHandle, Send, SendOptions } from '../tasks/sending.ts'
import type { AnyTask } from '../tasks/task.ts'
import type { Replies } from './replies.ts'
import { ReplyQueue } from './reply-queue.ts'
import { createRouter, type Router } from './router.ts'
import { createSender, type Sender } from './sender.ts'
import { handleOf, nodeOf, tupleOf } from './sent-canvas.ts'
import { StoredResults } from './stored-results.ts'
import { SentTask, type StoredHandle } from './task-handle.ts'

/** How a client reaches the broker, and what it does when nothing else is said. Durations are milliseconds or `'10s'`. */
export interface ClientOptions {
  /** AMQP URL by Celery's habits: a path of `//` is the virtual host `/`. */
  readonly broker: string
  /**
   * `'rpc'`, the default, has results sent back to this client; a URL like `'redis://:password@host:6379/0'` has them read
   * from the Redis where the workers keep them; with `'none'` they are nobody's.
   */
  readonly resultBackend?: string
  /** What the names of results in a Redis begin with: Celery's `global_keyprefix`. */
  readonly resultKeyPrefix?: string
  /** The queue of what neither the caller, nor the task, nor a route sends elsewhere. Default `celery`. */
  readonly queue?: string
  /** What queues are declared with; of all others, only the name is known. */
  readonly queues?: readonly (string | QueueSettings)[]
  /** Where tasks go that name no queue: by name, by glob, or by a function. */
  readonly routes?: Routes | undefined
  /** The priority of tasks that nobody gives one. */
  readonly priority?: number | undefined
  /** How long one `send` may take until the broker's confirm. Default 10 s. */
  readonly publishTimeout?: number | string
  /** AMQP heartbeat. Default 10 s. */
  readonly heartbeat?: number | string
  /**
   * A task that is due later than this from now is left to Celery's native delayed delivery, where that can be declared, and
   * so is every delayed task of a quorum queue; no worker has to hold it. `null`: none is. Default 10 min.
   */
  readonly holdFor?: number | string | null
  /** What the queues of native delayed delivery are declared as. Default `quorum`, as Celery's. */
  readonly delayedQueueType?: 'quorum' | 'classic'
  /** Hears of lost connections. Without one, nobody does. */
  readonly logger?: Logger
}

/**
 * Sends tasks to Celery workers, Python's and ours, and reads their results. Connects on the first `send`, and from then
 * on keeps the process alive until it is closed.
 */
export interface Client extends AsyncDisposable {
  /**
   * Resolves once the broker has the message safe. Rejects with `TWQ_ARGUMENTS` or `TWQ_UNSERIALISABLE` before anything is
   * sent, with `TWQ_PUBLISH_UNROUTABLE` or `TWQ_PUBLISH_REFUSED` when the broker did not take it, with
   * `TWQ_BROKER_UNREACHABLE`, `TWQ_PUBLISH_TIMEOUT` or the signal's reason when nobody knows, and with
   * `TWQ_PUBLISH_OVERFLOW` when too many sends wait already.
   */
  readonly send: Send
  /** The message that `send` would publish now, and where. */
  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing
  /**
   * A task by its id: with a Redis any task, whoever sent it, and with `'rpc'` those that this client sent. Throws
   * `TWQ_RESULT_UNAVAILABLE`, with the reason, for others.
   */
  result<Result = unknown>(taskId: string): StoredHandle<Result>
  /** Drops the result of a task from where it is kept. */
  forget(taskId: string): Promise<void>
  /**
   * Keeps a group in the Redis of the results, as Python's `GroupResult.save()`: whoever has its id can restore it, here or in
   * Python. Rejects with `TWQ_RESULT_UNAVAILABLE` where results are kept nowhere.
   */
  saveGroup(group: GroupHandle): Promise<void>
  /** A group that somebody has saved, or undefined: Python's `GroupResult.restore(id)`. */
  restoreGroup(groupId: string): Promise<GroupHandle | undefined>
  /** Drops a saved group: Python's `GroupResult.delete()`. The results of its members stay. */
  deleteGroup(groupId: string): Promise<void>
  /**
   * The events of all workers, Python's and ours, as they come: `for await (const event of client.events({ signal }))`.
   * Worker events always come; task events from workers that send them, or with `enableTaskEvents` from all.
   */
  events(options?: EventOptions): EventStream
  /** Waits for the sends under way, then closes the connection. Results that nobody has read are lost. */
  close(): Promise<void>
}

/** Creates a client. Throws `TWQ_CONFIG` for options that can't be used; the broker need not be there yet. */
export function createClient(options: ClientOptions): Client {
  return new BrokerClient(options, routerOf(options))
}

/** A client that sends by a router which somebody has made already. */
export function createRoutedClient(
  options: Omit<ClientOptions, 'queue' | 'queues' | 'routes' | 'priority'>,
  router: Router,
): Client {
  return new BrokerClient(options, router)
}

/** A client of a broker that is at hand, by another clock than the system's: for tests. */
export function createClientOf(broker: Broker, clock: Clock, options: Omit<ClientOptions, 'broker'> = {}): Client {
  return new BrokerClient({ ...options, broker: '' }, routerOf({ ...options, broker: '' }), { broker, clock })
}

const CLOSE_TIMEOUT = 5_000
/** How long one question to a Redis is tried, in milliseconds. */
const PATIENCE = 10_000
/** A program may hand over a whole batch at once; beyond this it must wait. */
const MOST_OUTSTANDING = 10_000

class BrokerClient implements Client {
  readonly #broker: Broker
  readonly #logger: Logger | undefined
  readonly #settings: LineSettings
  #line: Line
  #closed: Promise<void> | undefined

  constructor(options: ClientOptions, router: Router, given?: { readonly broker: Broker; readonly clock: Clock }) {
    this.#logger = options.logger
    this.#settings = {
      results: resultsOf(options),
      router,
      clock: given?.clock ?? systemClock,
      publishTimeout: milliseconds('publishTimeout', options.publishTimeout, 10_000),
      holdFor: options.holdFor === null ? undefined : milliseconds('holdFor', options.holdFor, 600_000),
      delayedQueueType: options.delayedQueueType ?? 'quorum',
    }
    const heartbeat = milliseconds('heartbeat', options.heartbeat, 10_000)
    this.#broker = given?.broker ?? amqpBroker({ url: options.broker, heartbeat, name: `twq client ${process.pid}` })
    this.#line = new Line(this.#broker, this.#settings, this.#logger)
  }

  readonly send: Send = ((target: AnyTask, args?: AnyArguments, options?: SendOptions) => {
    if (this.#closed !== undefined) return Promise.reject(new TwqError('TWQ_CLOSED', 'the client was closed'))
    return this.#startedLine().send(target, args, options)
  }) as Send

  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing {
    return this.#line.encode(target, args, options)
  }

  result<Result>(taskId: string): StoredHandle<Result> {
    return new SentTask(taskId, 'task', this.#repliesFor(taskId).find(taskId)) as unknown as StoredHandle<Result>
  }

  forget(taskId: string): Promise<void> {
    return this.#repliesFor(taskId).drop(taskId)
  }

  async saveGroup(group: GroupHandle): Promise<void> {
    await this.#storedFor(group.id).chords.saveGroup(tupleOf(group))
  }

  async restoreGroup(groupId: string): Promise<GroupHandle | undefined> {
    const stored = this.#storedFor(groupId)
    const tuple = await stored.chords.restoreGroup(groupId)
    if (tuple === null) return undefined
    return handleOf(nodeOf(tuple as unknown as Json), (id) => stored.find(id)) as GroupHandle
  }

  async deleteGroup(groupId: string): Promise<void> {
    await this.#storedFor(groupId).chords.deleteGroup(groupId)
  }

  events(options: EventOptions = {}): EventStream {
    if (this.#closed !== undefined) throw new TwqError('TWQ_CLOSED', 'the client was closed')
    return this.#startedLine().events(options)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#line.close()
    const { results } = this.#settings
    if (results !== 'rpc' && results !== 'none') await results[Symbol.asyncDispose]()
  }

  #storedFor(groupId: string): StoredResults {
    if (this.#closed !== undefined) throw new TwqError('TWQ_CLOSED', 'the client was closed')
    const { results } = this.#settings
    if (results !== 'rpc' && results !== 'none') return results
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `group ${groupId} is kept nowhere: resultBackend is '${results}'`, {
      hint: "Groups are saved where results are kept: resultBackend: 'redis://…'",
    })
  }

  #repliesFor(taskId: string): Replies {
    if (this.#closed !== undefined) throw new TwqError('TWQ_CLOSED', 'the client was closed')
    const { replies } = this.#line
    if (replies !== undefined) return replies
    throw new TwqError('TWQ_RESULT_UNAVAILABLE', `the result of ${taskId} can't be read: this client keeps none`, {
      hint: "Its resultBackend is 'none'",
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #startedLine(): Line {
    const line = this.#line
    line.start((error) => {
      // What trying again can't mend ended this line. The next send deserves a new one: passwords get corrected.
      this.#logger?.error({ err: error }, 'broker not usable')
      if (this.#line === line) this.#line = new Line(this.#broker, this.#settings, this.#logger)
    })
    return line
  }
}

interface LineSettings {
  /** A Redis outlives the connections to the broker. */
  readonly results: 'rpc' | 'none' | StoredResults
  readonly router: Router
  readonly clock: Clock
  readonly publishTimeout: number
  readonly holdFor: number | undefined
  readonly delayedQueueType: DelayedQueueType
}

/** One session and what hangs on it. */
class Line {
  readonly send: Send
  readonly #sender: Sender
  readonly #session
  readonly #publisher
  readonly replies: Replies | undefined
  #started = false

  constructor(broker: Broker, settings: LineSettings, logger: Logger | undefined) {
    const { results, router, clock, publishTimeout, holdFor, delayedQueueType } = settings
    this.#session = createSession({ broker, name: 'client', clock, random: Math.random })
    this.#session.listen((event) => {
      if (event.kind === 'lost') logger?.warn({ err: event.error }, 'broker lost')
      else if (event.kind === 'connected') logger?.debug({ attempts: event.attempts }, 'broker connected')
    })
    this.#publisher = createPublisher(this.#session, {
      clock,
      maxOutstanding: MOST_OUTSTANDING,
      // So that something can be said, and done, about a refusal in time.
      patience: publishTimeout / 2,
    })
    this.replies = repliesOf(results, () => new ReplyQueue(this.#session, logger))
    const delivery = new DelayedDelivery({
      session: this.#session,
      queueType: delayedQueueType,
      enabled: true,
      clock,
      onUnusable: (error) =>
        logger?.warn({ err: error }, 'native delayed delivery can not be used: workers hold the tasks'),
    })
    this.#sender = createSender({
      session: this.#session,
      delays: holdFor === undefined ? undefined : { delivery, holdFor },
      publisher: this.#publisher,
      replies: this.replies,
      chords: results === 'rpc' || results === 'none' ? undefined : results.chords,
      router,
      publishTimeout,
      clock,
    })
    this.send = this.#sender.sendFor()
  }

  encode(target: AnyTask | string, args?: AnyArguments, options?: SendOptions): Outgoing {
    return this.#sender.encode(target, args, options)
  }

  events(options: EventOptions): EventStream {
    return receiveEvents({ session: this.#session, clock: systemClock }, options)
  }

  /** Connects, the first time it is called. */
  start(onHopeless: (error: unknown) => void): void {
    if (this.#started) return
    this.#started = true
    this.#session.listen((event) => {
      if (event.kind === 'failed') onHopeless(event.error)
    })
    this.#session.start().catch((error: unknown) => {
      if (!TwqError.is(error, 'TWQ_CLOSED')) onHopeless(error)
    })
  }

  async close(): Promise<void> {
    if (!this.#started) return
    await this.#sender.settled()
    if (this.replies instanceof ReplyQueue) await this.replies[Symbol.asyncDispose]()
    await this.#publisher[Symbol.asyncDispose]()
    await this.#session.stop({ deadline: AbortSignal.timeout(CLOSE_TIMEOUT) })
  }
}

function routerOf({ queue = 'celery', queues = [], routes, priority }: ClientOptions): Router {
  const readings = queues.map(readQueue)
  const problems = [
    ...readings.flatMap((reading, index) =>
      reading.kind === 'queue' ? [] : reading.problems.map((problem) => `queues[${index}]${problem}`),
    ),
    ...(routes === undefined ? [] : routeProblems(routes).map((problem) => `routes${problem}`)),
    ...(priority === undefined || isPriority(priority) ? [] : ['priority must be a whole number from 0 to 255']),
  ]
  if (problems.length > 0) throw new TwqError('TWQ_CONFIG', problems.join('\n'))
  const known = readings.flatMap((reading) => (reading.kind === 'queue' ? [reading.queue] : []))
  return createRouter({ queues: known, routes, defaultQueue: queue, defaultPriority: priority })
}

function resultsOf({ resultBackend = 'rpc', resultKeyPrefix, logger }: ClientOptions): LineSettings['results'] {
  if (resultBackend === 'rpc' || resultBackend === 'rpc://') return 'rpc'
  if (resultBackend === 'none') return 'none'
  if (typeof resultBackend === 'string' && isRedisUrl(resultBackend)) {
    const address = parseRedisUrl(resultBackend)
    return new StoredResults({
      address,
      keys: redisKeys(resultKeyPrefix),
      patience: PATIENCE,
      clock: systemClock,
      logger,
    })
  }
  const got = maskPasswords(JSON.stringify(resultBackend) ?? String(resultBackend))
  throw new TwqError('TWQ_CONFIG', `resultBackend must be 'rpc', 'none' or a redis:// URL, got ${got}`)
}

function repliesOf(results: LineSettings['results'], queue: () => ReplyQueue): Replies | undefined {
  switch (results) {
    case 'rpc':
      return queue()
    case 'none':
      return undefined
    default:
      return results
  }
}

function milliseconds(key: string, value: number | string | undefined, fallback: number): number {
  if (value === undefined) return fallback
  const parsed = parseDuration(value)
  if (parsed !== undefined) return parsed
  throw new TwqError('TWQ_CONFIG', `${key} must be milliseconds or a duration like '10s', got ${JSON.stringify(value)}`)
}
