import { randomUUID } from 'node:crypto'
import type { Broker, Channel, Connection, Delivery, ServerInfo } from '../broker/broker.ts'
import { closeError } from '../broker/close-error.ts'
import { giveUpWhenBlocked } from '../broker/give-up-when-blocked.ts'
import { inTime } from '../broker/in-time.ts'
import { oversizeIn } from '../broker/message-size.ts'
import {
  declarePidboxExchange,
  declarePidboxReplies,
  PIDBOX_EXCHANGE,
  PIDBOX_REPLY_EXCHANGE,
  pidboxReplies,
} from '../broker/pidbox.ts'
import { TwqError } from '../errors.ts'
import { decodeReply, encodeRequest } from '../protocol/remote/pidbox.ts'
import type { Route } from '../protocol/wire.ts'
import type { Json, JsonObject } from '../runtime/json.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import { deferred } from '../runtime/time/deferred.ts'
import { onAbort } from '../runtime/time/on-abort.ts'
import { GatheredReplies } from './gathered-replies.ts'

/** How long to listen, and to whom. Times in milliseconds. */
export interface AskOptions {
  /** Node names; without them every worker is asked. */
  readonly destination?: readonly string[]
  /** The longest wait. */
  readonly timeout: number
  /** Without `destination`: how long after the last reply, at least, the wait goes on; longer where replies are slow. */
  readonly quiet?: number
  readonly signal?: AbortSignal
  /** Hears once, at the end, how many replies were passed over because there were too many or they were too large. */
  readonly onDropped?: (count: number) => void
}

/** Asks the workers of a broker, Python's as well as ours (wire specification 7.1, 7.2). */
export class Broadcast {
  readonly #connection: Connection
  readonly #clock: Clock

  private constructor(connection: Connection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** Connects; close it with `await using` or `Symbol.asyncDispose`. `TWQ_BROKER_BLOCKED` ends what goes on while the broker takes no messages. */
  static async open(broker: Broker, clock: Clock, options: { readonly signal?: AbortSignal } = {}): Promise<Broadcast> {
    const connection = await broker.connect({ name: 'twq remote control', ...options })
    giveUpWhenBlocked(connection)
    return new Broadcast(connection, clock)
  }

  /**
   * Sends `method` and gathers each node's reply. Ends when every destination answered, when no further reply is expected, or
   * when time is up. Rejects with `TWQ_NO_WORKER` at once when no worker listens at all. Keeps the replies of 10,000 nodes, and
   * about 64 MiB of them, at most.
   */
  async ask(method: string, args: JsonObject, options: AskOptions): Promise<Map<string, Json>> {
    await using channel = await this.#connection.openChannel()
    return await askOn(channel, method, args, { ...options, server: this.#connection.server, clock: this.#clock })
  }

  /** Sends `method` without asking for replies. Rejects with `TWQ_NO_WORKER` at once when no worker listens at all. */
  async tell(method: string, args: JsonObject, destination?: readonly string[]): Promise<void> {
    await using channel = await this.#connection.openChannel()
    await inTime(declarePidboxExchange(channel), this.#clock)
    const request = encodeRequest({ method, arguments: args, destination: destination ?? null, clock: 1 })
    const answer = await channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, request, { mandatory: true })
    if (answer === 'returned') throw noWorker()
  }

  /** Whether a worker of this name has its mailbox open; a Python worker's goes soon after it. */
  async listens(node: string): Promise<boolean> {
    const channel = await this.#connection.openChannel()
    try {
      await channel.inspectQueue(`${node}.${PIDBOX_EXCHANGE}`)
      await channel[Symbol.asyncDispose]()
      return true
    } catch (error) {
      // What belongs to another connection is there, though we may not look at it.
      if (TwqError.is(error, 'TWQ_CONNECTION_LOST')) throw error
      return !TwqError.is(error, 'TWQ_QUEUE_MISSING')
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection[Symbol.asyncDispose]()
  }
}

/**
 * Asks as {@link Broadcast.ask}, on a channel for this one question. Rejects with the error that ended the channel, with `TWQ_CLOSED` where
 * it was closed before the answers were there, and with the reason of a signal that aborts, or has. If the broker
 * reports that a mailbox refused the request (basic.nack), it still waits for answers, and rejects with that error only if there are none.
 */
export async function askOn(
  channel: Channel,
  method: string,
  args: JsonObject,
  { server, clock, ...options }: AskOptions & { readonly server: ServerInfo; readonly clock: Clock },
): Promise<Map<string, Json>> {
  options.signal?.throwIfAborted()
  const gathered = new GatheredReplies()
  const { replies } = gathered
  const done = deferred<void>()
  const ticket = randomUUID()
  let asked = 0
  let quiet: Timer | undefined
  const onReply = (delivery: Delivery): void => {
    const reply = decodeReply(delivery)
    if (reply.kind === 'malformed' || reply.ticket !== ticket) return
    for (const one of reply.replies) gathered.add(one)
    if (options.destination?.every((node) => replies.has(node)) === true) done.resolve()
    if (options.destination !== undefined || options.quiet === undefined) return
    quiet?.cancel()
    quiet = clock.after(expectedSilence(options.quiet, clock.monotonic() - asked), done.resolve)
  }
  const replyTo = await inTime(listen(channel, server, onReply), clock)
  const request = encodeRequest({
    method,
    arguments: args,
    destination: options.destination ?? null,
    ticket,
    replyTo,
    clock: 1,
    expires: clock.now() + options.timeout,
  })
  asked = clock.monotonic()
  // A fanout exchange without a single mailbox gives a mandatory message back.
  let refusal: TwqError | undefined
  const answer = await channel
    .publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, request, { mandatory: true })
    .catch((error: unknown) => {
      refusal = refusalOf(error)
    })
  if (answer === 'returned') throw noWorker()
  const limit = clock.after(options.timeout, done.resolve)
  const { signal } = options
  const unfollow = signal && onAbort(signal, () => done.reject(signal.reason))
  void channel.closed.then((reason) => done.reject(closeError(reason)))
  try {
    await done.promise
  } finally {
    limit.cancel()
    quiet?.cancel()
    unfollow?.()
  }
  if (replies.size === 0 && refusal !== undefined) throw refusal
  if (gathered.dropped > 0) options.onDropped?.(gathered.dropped)
  return replies
}

/** The error of a request that one mailbox at least did not take: the others may have. Throws any other error. */
function refusalOf(error: unknown): TwqError {
  if (TwqError.is(error, 'TWQ_PUBLISH_REFUSED') && oversizeIn(error) === undefined) return error
  throw error
}

async function listen(channel: Channel, server: ServerInfo, onReply: (delivery: Delivery) => void): Promise<Route> {
  const oid = randomUUID()
  await Promise.all([
    declarePidboxExchange(channel),
    declarePidboxReplies(channel, oid, server),
    channel.consume(pidboxReplies(oid), onReply, { noAck: true }),
  ])
  return { exchange: PIDBOX_REPLY_EXCHANGE, routingKey: oid }
}

const TIMEOUT = 3_000
// Workers answer within milliseconds of each other; after this much silence all have, unless they are slow to answer or
// more time was asked for.
const QUIET = 50

/** How long to listen: for `timeout` milliseconds where that was asked for, else until no further reply is expected. */
export function listening(timeout: number | undefined, destination: readonly string[] | undefined): AskOptions {
  if (destination !== undefined) return { timeout: timeout ?? TIMEOUT, destination }
  return timeout === undefined ? { timeout: TIMEOUT, quiet: QUIET } : { timeout }
}

/** The error for workers of which none has answered in time. */
export function nobodyAnswered({ timeout, destination }: AskOptions, hint: string): TwqError {
  const who = destination === undefined ? 'no worker' : `none of ${destination.join(', ')}`
  return new TwqError('TWQ_NO_WORKER', `${who} answered within ${timeout} ms`, { hint })
}

/**
 * How long after a reply that took `latency` milliseconds no further reply is expected, where it is `least` among workers that
 * answer at once: workers of one broker are about as far and as busy as each other.
 */
export function expectedSilence(least: number, latency: number): number {
  return Math.min(Math.max(least, 4 * latency), 10 * least)
}

/** The error for a broker without a single worker. */
export function noWorker(): TwqError {
  return new TwqError('TWQ_NO_WORKER', 'no worker listens on this broker', {
    hint: 'Start one with: twq worker start   (or check --broker: is it the broker that your workers use?)',
  })
}
