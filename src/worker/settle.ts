import type { Publisher } from '../broker/publisher.ts'
import { failureOfRetry, hasNoFollowUps } from '../canvas/follow-ups.ts'
import { TwqError } from '../errors.ts'
import { keyBeforeDelay } from '../protocol/delay-route.ts'
import { retryMessage } from '../protocol/encode-retry.ts'
import type { RemoteError } from '../protocol/result-record.ts'
import type { ResultBackend } from '../results/backend.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Json } from '../runtime/json.ts'
import type { Outcome } from '../tasks/outcome.ts'
import type { Delays } from './delays.ts'
import type { Followers } from './followers.ts'
import type { Quarantine } from './quarantine.ts'
import type { Request } from './request.ts'
import { type Disposal, decideSettlement, type FailureFlags } from './settlement.ts'
import type { Trail } from './trail.ts'

/** What settling works with. */
export interface SettleParts {
  readonly publisher: Publisher
  readonly results: ResultBackend
  readonly followers: Followers
  readonly trail: Pick<Trail, 'of'>
  readonly quarantine: Quarantine
  readonly delays: Pick<Delays, 'retry'>
  readonly clock: Clock
  /** What holds for a task that does not say otherwise. */
  readonly flags: FailureFlags
  /** Hears of an attempt before its task can run again. */
  readonly onAgain: (request: Request, outcome: Outcome) => void
  /** Hears of an attempt that can't be acknowledged any more: the broker has taken its message back. */
  readonly onAckLost: (request: Request) => void
  /** Returns a message whose attempt ended in an orderly way. */
  readonly giveBack: (requests: readonly Request[]) => Promise<void>
  /** Judges a suspect that whatever ran it died of. */
  readonly onSuspectLost: (request: Request) => Promise<void>
}

/**
 * Carries out what follows from an outcome, in the order that makes late acknowledgement safe: for a retry the RETRY
 * state, then the new message; else what follows the task, its result, its part in a chord; and only then the ack.
 * Resolves with how the task ended: one whose follow-ups can't be sent has failed. Rejects when a step can't be made safe;
 * nothing has been acknowledged then.
 */
export async function settle(request: Request, outcome: Outcome, parts: SettleParts): Promise<Outcome> {
  const { message } = request
  const { settings } = request.task
  const plan = decideSettlement(outcome, message, {
    acks: request.acks,
    ignoreResult: request.ignoresResult,
    ackOnFailure: settings.ackOnFailure ?? parts.flags.ackOnFailure,
    ackOnTimeout: settings.ackOnTimeout ?? parts.flags.ackOnTimeout,
    rejectOnLost: settings.rejectOnLost ?? parts.flags.rejectOnLost,
  })
  if (outcome.kind === 'replaced') {
    const replaced = await parts.followers.replace(message, outcome.signature)
    if (replaced.kind === 'failed') {
      return await settle(request, { kind: 'failed', error: replaced.error, runtime: 0 }, parts)
    }
  }
  let children: readonly Json[] = parts.trail.of(message) as readonly Json[]
  if (plan.ending !== undefined && !hasNoFollowUps(message)) {
    const followed = await parts.followers.follow(message, plan.ending)
    if (followed.kind === 'failed') {
      return await settle(request, { kind: 'failed', error: followed.error, runtime: runtimeOf(outcome) }, parts)
    }
    children = [...children, ...followed.children]
  }
  if (plan.record !== undefined) {
    const record = children.length === 0 ? plan.record : { ...plan.record, children }
    await parts.results.store(record, message, request.delivery.route.routingKey)
  }
  if (plan.ending !== undefined && message.embed.chord !== null) await parts.followers.endInChord(message, plan.ending)
  if (plan.retryAt !== undefined) {
    parts.onAgain(request, outcome)
    const refused = await publishRetry(request, plan.retryAt, outcome, parts)
    if (refused !== undefined) return await settle(request, { kind: 'failed', error: refused, runtime: 0 }, parts)
  }
  await dispose(request, plan.disposal, outcome, parts)
  return outcome
}

function runtimeOf(outcome: Outcome): number {
  return 'runtime' in outcome ? outcome.runtime : 0
}

/**
 * Has the task run again at a time. Resolves with why there is no next try where the message is acknowledged already;
 * rejects where it is not, and can still go back.
 */
async function publishRetry(
  request: Request,
  at: number,
  outcome: Outcome,
  parts: SettleParts,
): Promise<RemoteError | undefined> {
  try {
    await sendRetry(request, at, outcome, parts)
    return undefined
  } catch (error) {
    const refused = request.acks === 'early' ? failureOfRetry(error) : undefined
    if (refused === undefined) throw error
    return refused
  }
}

async function sendRetry(request: Request, at: number, outcome: Outcome, parts: SettleParts): Promise<void> {
  const override = outcome.kind === 'retry' ? outcome.override : undefined
  const message = retryMessage(request.delivery, request.message, { eta: at, now: parts.clock.now(), override })
  if (await parts.delays.retry(message, request.queue, at)) return
  // As Celery: a message that came through the default exchange returns to its queue, any other to where it was published,
  // unless that was the way out of a delay.
  const { exchange, routingKey } = request.delivery.route
  const toQueue = exchange === '' || keyBeforeDelay(request.delivery.route) !== undefined
  const route = toQueue ? { exchange: '', routingKey: request.queue } : { exchange, routingKey }
  const answer = await parts.publisher.publish({ route, message }, { mandatory: true })
  if (answer === 'returned') {
    throw new TwqError('TWQ_PUBLISH_UNROUTABLE', `the retry of task ${request.message.id} reached no queue`, {
      hint: `Is the queue ${request.queue} still bound to exchange "${route.exchange}" with key "${route.routingKey}"?`,
    })
  }
}

async function dispose(request: Request, disposal: Disposal, outcome: Outcome, parts: SettleParts): Promise<void> {
  switch (disposal) {
    case 'ack':
      if (!request.acknowledged && !request.acknowledge()) parts.onAckLost(request)
      return
    case 'requeue':
      parts.onAgain(request, outcome)
      // Whatever ran it died: that counts. Everything else was the worker's or the task's own decision.
      if (outcome.kind !== 'lost') await parts.giveBack([request])
      else if (request.lane === 'suspects') await parts.onSuspectLost(request)
      else request.requeue()
      return
    case 'drop':
      request.drop()
      return
    case 'quarantine': {
      const error = 'error' in outcome ? outcome.error : null
      const { id, task } = request.message
      const reason = { type: error?.type ?? outcome.kind, detail: error?.args.map(String).join(', ') ?? '', id, task }
      await parts.quarantine.take(request.delivery, request.queue, reason)
      request.acknowledge()
      return
    }
    case 'none':
      return
    default:
      throw new TwqError('TWQ_INTERNAL', `unknown disposal ${String(disposal satisfies never)}`)
  }
}
