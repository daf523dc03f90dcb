import type { Publisher } from '../../broker/publisher.ts'
import { failureOfRetry } from '../../canvas/follow-ups.ts'
import { TwqError } from '../../errors.ts'
import type { SendHooks } from '../../plugins/send-hooks.ts'
import { keyBeforeDelay } from '../../protocol/headers/delay-route.ts'
import { firstErrorHeaders, firstErrorOf } from '../../protocol/headers/failed.ts'
import { argsText } from '../../protocol/result/exceptions.ts'
import type { RemoteError } from '../../protocol/result-record.ts'
import { addHeaders } from '../../protocol/task/add-headers.ts'
import { retryMessage } from '../../protocol/task/encode-retry.ts'
import type { WireMessage } from '../../protocol/wire.ts'
import type { Clock } from '../../runtime/time/clock.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import { mayNotPublish, troubleOf } from '../follow-ups/trouble.ts'
import type { Request } from '../request/request.ts'
import type { Delays } from '../waiting/delays.ts'
import type { EndedAside } from './ended-aside.ts'

/** What publishing a retry takes. */
export interface RetryParts {
  readonly publisher: Publisher
  readonly delays: Pick<Delays, 'retry'>
  /** Keeps the messages of tasks that have ended. */
  readonly endedAside: Pick<EndedAside, 'keeps'>
  /** Plugins around what the worker sends. */
  readonly sendHooks?: SendHooks | undefined
  readonly clock: Clock
}

/**
 * Publishes the retry of a task for a given time. Resolves with the reason if there will be none: if the message is already
 * acknowledged, and if trying again does not help. Rejects if it may help.
 */
export async function publishRetry(
  request: Request,
  at: number,
  outcome: Outcome,
  parts: RetryParts,
): Promise<RemoteError | undefined> {
  try {
    await sendRetry(request, at, outcome, parts)
    return undefined
  } catch (error) {
    const trouble = troubleOf(error)
    const over = trouble === 'never' || (trouble === 'refused' && request.progress?.impatient === true)
    const refused = (over || request.acks === 'early') && !mayNotPublish(error) ? failureOfRetry(error) : undefined
    if (refused === undefined) throw error
    return refused
  }
}

async function sendRetry(request: Request, at: number, outcome: Outcome, parts: RetryParts): Promise<void> {
  const { override, expires } = outcome.kind === 'retry' ? outcome : ({} as Partial<Outcome & { kind: 'retry' }>)
  const change = { eta: at, now: parts.clock.now(), expires, override, otherRunMaySend: request.otherRunMaySend }
  const retried = retryMessage(request.delivery, request.message, change)
  const message = withFirstError(retried, request, outcome, parts)
  const { sendHooks } = parts
  if (sendHooks === undefined) {
    await publishAgain(request, at, message, parts)
    return
  }
  const { task, id } = request.message
  const following = { kind: 'retry', task, id, queue: request.queue, parent: request.message } as const
  await sendHooks.follow(following, (headers) =>
    publishAgain(request, at, headers === undefined ? message : addHeaders(message, headers), parts),
  )
}

/**
 * The message of a retry with the error of the first attempt, which is kept together with the last one if the task finally fails.
 */
function withFirstError(message: WireMessage, request: Request, outcome: Outcome, parts: RetryParts): WireMessage {
  const { id, task, retries } = request.message
  const error = outcome.kind === 'retry' ? outcome.error : null
  if (error === null || !parts.endedAside.keeps(task) || firstErrorOf(request.delivery.headers, id)) return message
  const { type, traceback } = error
  return addHeaders(
    message,
    firstErrorHeaders(id, { type, detail: argsText(error), traceback, at: parts.clock.now(), retries }),
  )
}

async function publishAgain(request: Request, at: number, message: WireMessage, parts: RetryParts): Promise<void> {
  if (await parts.delays.retry(message, request.queue, at)) return
  // As in Celery, a message that came through the default exchange returns to its queue, any other to the exchange it was
  // published to, unless that was the exit of the delay queues.
  const { exchange, routingKey } = request.delivery.route
  if (exchange !== '' && keyBeforeDelay(request.delivery.route) === undefined) {
    if (await reached(parts.publisher.publish({ route: { exchange, routingKey }, message }, { mandatory: true })))
      return
  }
  const route = { exchange: '', routingKey: request.queue }
  if ((await parts.publisher.publish({ route, message }, { mandatory: true })) === 'confirmed') return
  throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `the retry of task ${request.message.id} reached no queue`, {
    hint: `Is the queue ${request.queue} still there?`,
  })
}

/** False if the exchange is gone, has no queue for it any more, or refuses this user: the queue itself may accept it. */
async function reached(publishing: Promise<'confirmed' | 'returned'>): Promise<boolean> {
  try {
    return (await publishing) === 'confirmed'
  } catch (error) {
    if (TwqError.is(error, 'TWQ_QUEUE_MISSING', 'TWQ_BROKER_PERMISSION')) return false
    throw error
  }
}
