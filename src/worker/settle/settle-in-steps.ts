import { hasNoFollowUps } from '../../canvas/follow-ups.ts'
import { messageOf, TwqError } from '../../errors.ts'
import { argsText, celeryError } from '../../protocol/result/exceptions.ts'
import type { RemoteError, ResultRecord } from '../../protocol/result-record.ts'
import type { ResultBackend } from '../../results/backend.ts'
import type { Json } from '../../runtime/json.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import type { FollowUps } from '../follow-ups/follow-ups.ts'
import { storeOrFail, unstorable } from '../follow-ups/store-result.ts'
import { troubleOf } from '../follow-ups/trouble.ts'
import type { Progress } from '../request/progress.ts'
import type { Request } from '../request/request.ts'
import type { SentChildren } from '../request/sent-children.ts'
import type { EndedAside, Why } from './ended-aside.ts'
import { publishRetry, type RetryParts } from './publish-retry.ts'
import {
  type AckAction,
  decideSettlement,
  type FailureFlags,
  type Settlement,
  type SettlementPolicy,
} from './settlement.ts'

/** The parts that settling works with. */
export interface SettleParts extends RetryParts {
  readonly results: ResultBackend
  readonly followUps: FollowUps
  readonly sentChildren: Pick<SentChildren, 'of'>
  /** Keeps the messages of tasks that have ended. */
  readonly endedAside: Pick<EndedAside, 'keeps' | 'keep' | 'postCopy' | 'setAside'>
  /** The flags of tasks that do not set their own. */
  readonly flags: FailureFlags
  /** Which task queues name a dead-letter exchange. */
  readonly declarations: { deadLetters(queue: string): boolean }
  /** Called before the task of an attempt can run again. */
  readonly onAgain: (request: Request, outcome: Outcome) => void
  /** Called when the acknowledgement of an attempt is on its way to the broker. */
  readonly onAcknowledged: (request: Request) => void
  /** Called for an attempt that can't be acknowledged any more: the broker has taken its message back. */
  readonly onAckLost: (request: Request) => void
  /** Called when `settle` has settled an attempt, with how its task ended. */
  readonly onSettled: (request: Request, end: Outcome) => void
  /** Returns a message whose attempt ended in an orderly way. */
  readonly giveBack: (requests: readonly Request[]) => Promise<void>
  /** Suspects or quarantines the message of a suspect whose process died. */
  readonly onSuspectLost: (request: Request) => Promise<void>
}

/** How the settlement of a substitute outcome differs. */
interface Instead {
  /** It is the failure for what could not be settled: there is no further substitute. */
  readonly unstorable?: true
  /** The message is acknowledged only once it is kept with the outcome. */
  readonly kept?: true
}

/**
 * Carries out what follows from an outcome, in the order that makes late acknowledgement safe: for a retry the RETRY state, then
 * the new message; otherwise the follow-ups, a copy of a failed message, its result, its part in a chord; and only then the ack.
 * Resolves with how the task ended: one whose follow-ups can't be sent, or whose result can't be stored, has failed. Rejects if a
 * step can't be confirmed; nothing has been acknowledged then, and the next call for the same request continues with that step.
 * `settle` begins here for everything that takes more than one step.
 */
export async function settleInSteps(
  request: Request,
  outcome: Outcome,
  parts: SettleParts,
  instead: Instead = {},
): Promise<Outcome> {
  const { message, remembered: progress } = request
  const plan = decideSettlement(outcome, message, policyOf(request, parts))
  const ackAction = instead.kept === true && plan.ackAction === 'ack' ? 'keep' : plan.ackAction
  if (outcome.kind === 'replaced') {
    const replaced = await parts.followUps.replace(message, outcome, progress)
    if (replaced.kind === 'failed') return await settleInSteps(request, failure(replaced.error, 0), parts, instead)
  }
  let children: readonly Json[] = parts.sentChildren.of(message) as readonly Json[]
  if (plan.ending !== undefined && !hasNoFollowUps(message)) {
    const followed = await parts.followUps.follow(message, plan.ending, progress)
    if (followed.kind === 'failed') {
      return await settleInSteps(request, failure(followed.error, runtimeOf(outcome)), parts, instead)
    }
    children = [...children, ...followed.children]
  }
  if (plan.failed && ackAction !== 'keep') {
    await progress.once(KEPT, () => parts.endedAside.keep(request, whyOf(plan, outcome)))
  }
  if (plan.record !== undefined) {
    const record = children.length === 0 ? plan.record : { ...plan.record, children }
    const refused = await store(record, request, progress, parts)
    if (refused !== undefined && plan.retryAt === undefined) {
      if (instead.unstorable === true) throw refused
      const substitute = failure(unstorable(refused), runtimeOf(outcome))
      return await settleInSteps(request, substitute, parts, { ...instead, unstorable: true })
    }
  }
  if (plan.ending !== undefined && message.embed.chord !== null) {
    const { ending } = plan
    await progress.once(`in the chord as ${ending.kind}`, () => parts.followUps.endInChord(message, ending, progress))
  }
  if (plan.retryAt !== undefined) {
    const at = plan.retryAt
    progress.make('told that it runs again', () => parts.onAgain(request, outcome))
    const refused = await progress.once('retry', () => publishRetry(request, at, outcome, parts))
    if (refused !== undefined) {
      return await settleInSteps(request, failure(refused, 0), parts, { ...instead, kept: true })
    }
  }
  await dispose(request, ackAction, outcome, plan, parts)
  return outcome
}

/** The flags of a request's task, with the worker's for those that it does not set. */
export function policyOf(
  request: Request,
  { flags, declarations }: Pick<SettleParts, 'flags' | 'declarations'>,
): SettlementPolicy {
  const { settings } = request.task
  return {
    acks: request.acks,
    ignoreResult: request.ignoresResult,
    // The queue of suspects has none.
    deadLetters: request.source === 'tasks' && declarations.deadLetters(request.queue),
    ackOnFailure: settings.ackOnFailure ?? flags.ackOnFailure,
    ackOnTimeout: settings.ackOnTimeout ?? flags.ackOnTimeout,
    rejectOnLost: settings.rejectOnLost ?? flags.rejectOnLost,
  }
}

/** Stores a record once. Resolves with the error of a backend that will never take it; rejects with any other. */
async function store(
  record: ResultRecord,
  { message, delivery }: Request,
  progress: Progress,
  { results }: SettleParts,
): Promise<unknown> {
  return await progress.once(storedStep(record), async () => {
    try {
      await results.store(record, message, delivery.route.routingKey)
      return undefined
    } catch (error) {
      if (troubleOf(error) !== 'never') throw error
      return error
    }
  })
}

/** The name of the step that keeps a copy of a failed message; its result is whether it was accepted. */
export const KEPT = 'kept'

/** The name of the step that stores a record; its result is the error of a backend that will never accept it. */
export function storedStep({ state }: ResultRecord): string {
  return `stored ${state}`
}

function failure(error: RemoteError, runtime: number): Outcome {
  return { kind: 'failed', error, runtime }
}

function runtimeOf(outcome: Outcome): number {
  return 'runtime' in outcome ? outcome.runtime : 0
}

/**
 * Ends an attempt whose outcome can't be settled: its failure is stored if possible, and its message is kept with how the task
 * ended and why that could not be settled. Rejects while it can't be kept.
 */
export async function endUnsettled(
  request: Request,
  outcome: Outcome,
  unsettled: unknown,
  parts: SettleParts,
): Promise<Outcome> {
  const { message, remembered: progress } = request
  const detail = `the task ended (${outcome.kind}), and what follows from that can't be settled: ${messageOf(unsettled)}`
  const error = celeryError('BackendStoreError', [detail])
  const record: ResultRecord = { taskId: message.id, state: 'FAILURE', error, traceback: null, children: [] }
  await progress.once('told of the end', async () => {
    // The step that failed may be this one.
    const told = !progress.has('stored SUCCESS') && !progress.has('stored FAILURE')
    if (told && !request.ignoresResult) await storeOrFail(parts.results, record, message).catch(() => {})
    if (message.embed.chord === null) return
    const ending = { kind: 'failed', callsErrbacks: false, record } as const
    await parts.followUps.endInChord(message, ending, progress).catch(() => {})
  })
  await setAside(request, { type: error.type, detail, traceback: null, outcome: outcome.kind }, parts)
  return failure(error, runtimeOf(outcome))
}

/** How a task ended, in the form kept with its message. */
export function whyOf({ ending }: Settlement, { kind }: Outcome): Why {
  const error = ending !== undefined && 'error' in ending.record ? ending.record.error : null
  // For a `Reject`, the given reason, without the fact that it is not requeued.
  const detail = error === null ? '' : argsText(kind === 'rejected' ? { args: error.args.slice(0, 1) } : error)
  return { type: error?.type ?? kind, detail, traceback: error?.traceback ?? null, outcome: kind }
}

async function dispose(
  request: Request,
  ackAction: AckAction,
  outcome: Outcome,
  plan: Settlement,
  parts: SettleParts,
): Promise<void> {
  switch (ackAction) {
    case 'ack':
      acknowledge(request, parts)
      return
    case 'requeue':
      parts.onAgain(request, outcome)
      // A lost process counts as a start that killed its worker. Every other requeue was decided by the worker or the task.
      if (outcome.kind !== 'lost') await parts.giveBack([request])
      else if (request.source === 'suspects') await parts.onSuspectLost(request)
      else request.requeue()
      return
    case 'drop':
      request.drop()
      return
    case 'keep':
      await setAside(request, whyOf(plan, outcome), parts)
      return
    case 'none':
      return
    default:
      throw new TwqError('TWQ_INTERNAL', `unknown acknowledgement ${String(ackAction satisfies never)}`)
  }
}

async function setAside(request: Request, why: Why, parts: SettleParts): Promise<void> {
  // One copy is enough.
  if (request.progress?.outcomeOf(KEPT) === true) acknowledge(request, parts)
  else await parts.endedAside.setAside(request, why, () => acknowledge(request, parts))
}

function acknowledge(request: Request, parts: SettleParts): void {
  if (request.acknowledged) return
  tellOfAck(request, request.acknowledge(), parts)
}

/** Tells whether an acknowledgement is on its way to the broker, or can't be any more. */
export function tellOfAck(request: Request, sent: boolean, parts: SettleParts): void {
  if (sent) parts.onAcknowledged(request)
  else parts.onAckLost(request)
}
