import { hasNoFollowUps } from '../../canvas/follow-ups.ts'
import type { ResultRecord } from '../../protocol/result-record.ts'
import { postResult, type StoreListener } from '../../results/post-result.ts'
import type { Outcome } from '../../tasks/attempt/outcome.ts'
import { troubleOf } from '../follow-ups/trouble.ts'
import type { Request } from '../request/request.ts'
import type { KeepListener } from './failed-messages.ts'
import { KEPT, policyOf, type SettleParts, settleInSteps, storedStep, tellOfAck, whyOf } from './settle-in-steps.ts'
import { decideSettlement, type Settlement } from './settlement.ts'

/** Is called once at the end of a settlement, possibly before the call that began it returns. */
export interface SettleListener {
  /** All consequences of the outcome are confirmed. */
  settled(request: Request): void
  /** A step could not be confirmed. Nothing has been acknowledged; `settleInSteps` continues with that step. */
  unsettled(request: Request, outcome: Outcome, error: unknown): void
}

/**
 * Carries out what follows from an outcome as `settleInSteps` does, in the same order, and calls `listener` at the end. Most
 * tasks have one step that can fail, their result, or two, the copy of a failed message and then the result: these create no
 * promise; the confirm of the copy triggers storing the result, and the confirm of the result the acknowledgement.
 */
export function settle(request: Request, outcome: Outcome, parts: SettleParts, listener: SettleListener): void {
  const plan = decideSettlement(outcome, request.message, policyOf(request, parts))
  if (isPlain(plan, outcome, request)) new PlainSettling(request, outcome, plan, parts, listener).begin()
  else inSteps(request, outcome, parts, listener)
}

/** Whether the only steps are the copy of a failed message, a result and an acknowledgement. */
function isPlain({ ackAction, retryAt }: Settlement, { kind }: Outcome, { message, progress }: Request): boolean {
  return (
    (ackAction === 'ack' || ackAction === 'none') &&
    retryAt === undefined &&
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

/** One settlement of a result and an acknowledgement, after the copy of the message if the task failed. */
class PlainSettling implements StoreListener, KeepListener {
  readonly #request: Request
  readonly #outcome: Outcome
  readonly #plan: Settlement
  readonly #parts: SettleParts
  readonly #listener: SettleListener
  /** Whether the message is kept; undefined if that was not tried. */
  #kept: boolean | undefined

  constructor(request: Request, outcome: Outcome, plan: Settlement, parts: SettleParts, listener: SettleListener) {
    this.#request = request
    this.#outcome = outcome
    this.#plan = plan
    this.#parts = parts
    this.#listener = listener
  }

  begin(): void {
    if (!this.#plan.failed) this.#store()
    else this.#parts.endedAside.postCopy(this.#request, whyOf(this.#plan, this.#outcome), this)
  }

  kept(isKept: boolean): void {
    this.#kept = isKept
    this.#store()
  }

  #store(): void {
    const { record } = this.#plan
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
    if (this.#plan.ackAction === 'ack' && !request.acknowledged) tellOfAck(request, request.acknowledge(), this.#parts)
    this.#parts.onSettled(request, this.#outcome)
    this.#listener.settled(request)
  }

  /**
   * The next attempt continues with the step that failed. For the copy, the reason can only be the connection or a permission.
   */
  refused(error: unknown, record?: ResultRecord): void {
    const request = this.#request
    if (this.#kept !== undefined) request.remembered.make(KEPT, () => this.#kept)
    if (record === undefined || troubleOf(error) !== 'never') {
      this.#listener.unsettled(request, this.#outcome, error)
      return
    }
    // It is replaced by another record, which takes one more step.
    request.remembered.make(storedStep(record), () => error)
    inSteps(request, this.#outcome, this.#parts, this.#listener)
  }
}
