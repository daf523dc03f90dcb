import { randomUUID } from 'node:crypto'
import type { Channel, Delivery } from '../broker/broker.ts'
import { TwqError } from '../errors.ts'
import { parseJson } from '../protocol/json.ts'
import type { Json } from '../runtime/json.ts'
import type { Clock } from '../runtime/time/clock.ts'
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

/**
 * Puts a command into the queue of schedules, and waits for the answer. Rejects with `TWQ_SCHEDULE` for one that is refused, and with
 * `TWQ_SCHEDULES_NO_LEADER` where there is no queue yet, and for a question that nobody answers.
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
  if ((await channel.publish(route, message, { mandatory: true })) === 'returned') throw noLeader(namespace)
  const limit = clock.after(LONGEST_ANSWER, () => answered.resolve(undefined))
  void channel.closed.then(() => answered.resolve(undefined))
  const delivery = await answered.promise
  limit.cancel()
  if (delivery !== undefined) return { kind: 'answered', answer: answerIn(delivery) }
  if (asks) throw noLeader(namespace)
  return { kind: 'queued' }
}

function answerIn({ body }: Delivery): Json {
  const value = parseJson(body, { maxSize: 4 * LARGEST_STATE, maxDepth: 64, maxValues: 10_000_000 })
  if (!isRecord(value)) throw new TwqError('TWQ_MESSAGE_MALFORMED', 'an answer about schedules that is none')
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
