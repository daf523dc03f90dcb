import { hasNoFollowUps } from '../../canvas/follow-ups.ts'
import type { ResultRecord } from '../../protocol/result-record.ts'
import { postResult, type StoreListener } from '../../results/post-result.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import { troubleOf } from '../follow-ups/trouble.ts'
import type { Request } from '../request/request.ts'
import { policyOf, type SettleParts, settleInSteps, storedStep, tellOfAck } from './settle-in-steps.ts'
import { type AckAction, decideSettlement, type Settlement } from './settlement.ts'

/** Hears the end of a settlement: once, and perhaps before the call that began it returns. */
export interface SettleListener {
  /** What follows from the outcome is safe. */
  settled(request: Request): void
  /** A step could not be made safe. Nothing has been acknowledged; `settleInSteps` goes on from that step. */
  unsettled(request: Request, outcome: Outcome, error: unknown): void
}

/**
 * Carries out what follows from an outcome as `settleInSteps` does, in the same order, and tells `listener` of the end. Most
 * tasks have one step that can fail, their result, and nothing before it: for those no promise is made, and the confirm of the
 * result calls what acknowledges.
 */
export function settle(request: Request, outcome: Outcome, parts: SettleParts, listener: SettleListener): void {
  const plan = decideSettlement(outcome, request.message, policyOf(request, parts))
  if (isPlain(plan, outcome, request)) new PlainSettling(request, outcome, plan, parts, listener).begin(plan)
  else inSteps(request, outcome, parts, listener)
}

/** Whether a result and an acknowledgement are all: nothing has to be remembered of what is done. */
function isPlain(
  { ackAction, retryAt, failed }: Settlement,
  { kind }: Outcome,
  { message, progress }: Request,
): boolean {
  return (
    (ackAction === 'ack' || ackAction === 'none') &&
    retryAt === undefined &&
    !failed &&
    kind !== 'replaced' &&
    progress === undefined &&
    message.embed.chord === null &&
    hasNoFollowUps(message)
  )
}

function inSteps(request: Request, outcome: Outcome, parts: SettleParts, listener: SettleListener): void {
  settleInSteps(request, outcome, parts)
    .then((end) => parts.onSettled(request, end))
    .then(
      () => listener.settled(request),
      (error: unknown) => listener.unsettled(request, outcome, error),
    )
}

/** One settlement of a result and an acknowledgement. */
class PlainSettling implements StoreListener {
  readonly #request: Request
  readonly #outcome: Outcome
  readonly #ackAction: AckAction
  readonly #parts: SettleParts
  readonly #listener: SettleListener

  constructor(request: Request, outcome: Outcome, plan: Settlement, parts: SettleParts, listener: SettleListener) {
    this.#request = request
    this.#outcome = outcome
    this.#ackAction = plan.ackAction
    this.#parts = parts
    this.#listener = listener
  }

  begin({ record }: Settlement): void {
    if (record === undefined) {
      this.stored()
      return
    }
    const { message, delivery } = this.#request
    const { results, sentChildren } = this.#parts
    const children = sentChildren.of(message)
    const whole = children.length === 0 ? record : { ...record, children }
    postResult(results, whole, { owner: message, routingKey: delivery.route.routingKey }, this)
  }

  stored(): void {
    const request = this.#request
    if (this.#ackAction === 'ack' && !request.acknowledged) tellOfAck(request, request.acknowledge(), this.#parts)
    this.#parts.onSettled(request, this.#outcome)
    this.#listener.settled(request)
  }

  refused(error: unknown, record: ResultRecord): void {
    if (troubleOf(error) !== 'never') {
      this.#listener.unsettled(this.#request, this.#outcome, error)
      return
    }
    // Another record takes its place, which is a step more.
    this.#request.remembered.make(storedStep(record), () => error)
    inSteps(this.#request, this.#outcome, this.#parts, this.#listener)
  }
}
