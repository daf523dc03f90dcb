import { randomUUID } from 'node:crypto'
import type { Channel, Delivery } from '../broker/broker.ts'
import { closeError } from '../broker/close-error.ts'
import { inTime } from '../broker/in-time.ts'
import { TwqError } from '../errors.ts'
import { parseJson } from '../protocol/json.ts'
import type { Json } from '../runtime/json.ts'
import type { Clock, Timer } from '../runtime/time/clock.ts'
import { deferred } from '../runtime/time/deferred.ts'
import type { Entry } from './entries/entry.ts'
import { encodeCommand, type ScheduleCommand } from './state/command.ts'
import { MESSAGE_TYPES, schedulesMessage, schedulesQueue } from './state/messages.ts'
import { isRecord, LARGEST_STATE } from './state/state.ts'

/** A command for the leader of the schedules of a namespace. */
export interface LeaderRequest {
  readonly namespace: string
  readonly command: Omit<ScheduleCommand, 'definition'>
  /** Of `set`. */
  readonly entry?: Entry | undefined
}

/** The answer; `queued` where none came in time: the command is carried out once a worker leads. */
export type LeaderAnswer = { readonly kind: 'answered'; readonly answer: Json } | { readonly kind: 'queued' }

/** Milliseconds that an answer may take. */
export const LONGEST_ANSWER = 2_000
/** And what the broker says of a queue that took nothing. */
const LONGEST_LOOK = 1_000

/**
 * Puts a command into the queue of schedules, and waits for the answer. Rejects with `TWQ_SCHEDULE` for one that is refused, with
 * `TWQ_SCHEDULES_NO_LEADER` where there is no queue yet, and for a question that has no answer in time, with the error that ended
 * the channel, or `TWQ_CLOSED`, for a question that was under way then, and with `TWQ_QUEUE_DOWN` where the
 * node that the queue lives on is away.
 */
export async function askLeader(channel: Channel, request: LeaderRequest, clock: Clock): Promise<LeaderAnswer> {
  const { namespace, command, entry } = request
  const replyTo = `twq.schedules.reply.${randomUUID()}`
  const answered = deferred<Delivery | undefined>()
  await channel.declareQueue({ name: replyTo, durable: false, exclusive: true, autoDelete: true })
  await channel.consume(replyTo, answered.resolve, { noAck: true })
  const asks = command.method === 'list'
  const properties = { replyTo, correlationId: command.id, ...(asks && { expiration: String(LONGEST_ANSWER) }) }
  const message = schedulesMessage(MESSAGE_TYPES.command, encodeCommand(command, entry), properties)
  const route = { exchange: '', routingKey: schedulesQueue(namespace) }
  const published = channel.publish(route, message, { mandatory: true }).catch(async (error: unknown) => {
    // RabbitMQ 4 refuses what it would have returned before 4, where the node of a classic queue is away.
    throw TwqError.is(error, 'TWQ_PUBLISH_REFUSED') ? ((await whyDown(channel, namespace, clock)) ?? error) : error
  })
  published.catch(() => {})
  answered.promise.catch(() => {})
  // A command that the broker has is carried out all the same.
  void channel.closed.then((reason) => (asks ? answered.reject(closeError(reason)) : answered.resolve(undefined)))
  const startLimit = (): Timer => clock.after(LONGEST_ANSWER, () => answered.resolve(undefined))
  // A command must be safe. A question may be forgotten with a broker that does not confirm it.
  const early = asks ? startLimit() : undefined
  const first = await (asks ? Promise.race([published, answered.promise]) : published)
  if (first === 'returned') throw (await whyDown(channel, namespace, clock)) ?? noLeader(namespace)
  const limit = early ?? startLimit()
  const delivery = await answered.promise
  limit.cancel()
  if (delivery !== undefined) return { kind: 'answered', answer: answerIn(delivery) }
  if (asks) throw noLeader(namespace)
  return { kind: 'queued' }
}

/** Why the queue took nothing, where its node is away. It may end the channel. */
async function whyDown(channel: Channel, namespace: string, clock: Clock): Promise<unknown> {
  try {
    await inTime(channel.inspectQueue(schedulesQueue(namespace)), clock, LONGEST_LOOK)
  } catch (error) {
    if (TwqError.is(error, 'TWQ_QUEUE_DOWN')) return error
  }
  return undefined
}

function answerIn({ body }: Delivery): Json {
  const value = parseJson(body, { maxSize: 4 * LARGEST_STATE, maxDepth: 64, maxValues: 10_000_000 })
  if (!isRecord(value)) throw new TwqError('TWQ_MESSAGE_MALFORMED', 'an answer about schedules must be a JSON object')
  const { error, answer = null } = value
  if (!isRecord(error)) return answer
  const { message, hint } = error
  throw new TwqError('TWQ_SCHEDULE', String(message), { hint: typeof hint === 'string' ? hint : undefined })
}

function noLeader(namespace: string): TwqError {
  return new TwqError('TWQ_SCHEDULES_NO_LEADER', `no worker leads the schedules of the namespace '${namespace}'`, {
    hint: 'Start a worker whose configuration has `schedules`, or: twq schedule run',
  })
}
