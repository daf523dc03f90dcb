import type { Delivery } from '../broker/broker.ts'
import { deliveryCount, readMarks } from '../protocol/suspect.ts'

/** Which consumer brought a message: the one of the task queues, or the one of their suspects. */
export type Lane = 'tasks' | 'suspects'

/** What a delivery tells about the deliveries before it. */
export interface DeliveryFacts {
  readonly lane: Lane
  /** The broker's flag. A classic queue has nothing more. */
  readonly redelivered: boolean
  /** How often a quorum queue got it back; undefined for a classic one. */
  readonly returns: number | undefined
  /** An earlier delivery may have started, as our own header has it. */
  readonly startedBefore: boolean
  /** Starts that never settled, as our own header has them. */
  readonly marked: number
  /** It came back only because this process, which held it, lost its channel: nobody died. */
  readonly survived: boolean
}

/** What to do with a message that is due; `starts` is what its copy is to carry. */
export type Verdict =
  | { readonly kind: 'run' }
  /** Run it as a copy that remembers what the broker's one bit can't. */
  | { readonly kind: 'mark'; readonly starts: number }
  | { readonly kind: 'suspect'; readonly starts: number }
  | { readonly kind: 'quarantine'; readonly starts: number }

const RUN: Verdict = { kind: 'run' }

/** What `delivery` tells. */
export function factsOf(
  delivery: Pick<Delivery, 'headers' | 'redelivered'>,
  lane: Lane,
  survived = false,
): DeliveryFacts {
  const { headers, redelivered } = delivery
  const marks = readMarks(headers)
  const returns = deliveryCount(headers)
  return { lane, redelivered, returns, startedBefore: marks.redelivered, marked: marks.starts, survived }
}

/** In how many earlier deliveries the task may have started and never been settled. */
export function unsettledStarts({ redelivered, returns, marked, survived }: DeliveryFacts): number {
  const came = redelivered ? (returns ?? 1) : 0
  return marked + (survived && came > 0 ? came - 1 : came)
}

/** The one fact that user code is told: an earlier delivery may have started already. */
export function mayHaveStarted({ redelivered, startedBefore }: DeliveryFacts): boolean {
  return redelivered || startedBefore
}

/**
 * Finds the message that kills its worker, and spares those that merely lay beside it. Coming back once is ordinary, and
 * the message runs on. Coming back twice it is a suspect: among the suspects a worker is given one message at a time and
 * starts it at once, so that there, and only there, a message that comes back has started. One that started `maxStarts`
 * times (2 or more) is quarantined.
 */
export function judge(facts: DeliveryFacts, maxStarts: number): Verdict {
  const starts = unsettledStarts(facts)
  if (facts.lane === 'suspects') {
    if (!facts.redelivered) return RUN
    return { kind: starts >= maxStarts ? 'quarantine' : 'suspect', starts }
  }
  if (starts === 0) return RUN
  // However often a message came back: it is not condemned without a start of its own among the suspects.
  if (starts >= 2 || maxStarts === 2) return { kind: 'suspect', starts: Math.min(starts, maxStarts - 1) }
  return facts.marked > 0 || facts.returns !== undefined ? RUN : { kind: 'mark', starts }
}

/**
 * Whether a message that did not run may go back by a nack, which keeps its place and costs nothing, though the next
 * delivery looks as if its worker had died: yes while the next worker would run it all the same.
 */
export function mayBeNacked({ lane, returns, redelivered, marked }: DeliveryFacts): boolean {
  if (lane === 'suspects' || marked > 0) return false
  return returns === undefined ? true : returns === 0 || !redelivered
}
