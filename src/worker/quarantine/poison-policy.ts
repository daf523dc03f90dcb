import type { Delivery } from '../../broker/broker.ts'
import { deliveryCount, readMarks } from '../../protocol/headers/suspect.ts'
import { hasOnlyProtocolHeaders } from '../../protocol/known-headers.ts'

/** Which consumer delivered a message: that of the task queues, or that of their suspects. */
export type DeliverySource = 'tasks' | 'suspects'

/** The facts about earlier deliveries that a delivery carries. */
export interface DeliveryFacts {
  readonly source: DeliverySource
  /** The broker's flag. A classic queue has nothing more. */
  readonly redelivered: boolean
  /** How often it was returned to its quorum queue; undefined for a classic one. */
  readonly returns: number | undefined
  /** An earlier delivery may have started, according to our own header. */
  readonly startedBefore: boolean
  /** Starts that never settled, according to our own header. */
  readonly marked: number
  /** True once the one free redelivery of a suspect has been used, according to our own header. */
  readonly graceUsed: boolean
  /** How many of its redeliveries happened only because this process lost its channel: no worker died. */
  readonly lostWithConnection: number
}

/** What a copy of a message records of its past. */
export interface Past {
  readonly starts: number
  readonly graceUsed: boolean
}

/** What to do with a message that is due; `starts` and `graceUsed` are recorded in its copy. */
export type StartDecision =
  | { readonly kind: 'run' }
  /** Run it as a copy that records what the broker's single bit can't. */
  | { readonly kind: 'mark'; readonly starts: number }
  | ({ readonly kind: 'suspect' } & Past)
  | { readonly kind: 'quarantine'; readonly starts: number }

const RUN: StartDecision = { kind: 'run' }

/** For a message that was never delivered before, and has no mark of ours: most of them. */
const FRESH: Readonly<Record<DeliverySource, DeliveryFacts>> = {
  tasks: freshFrom('tasks'),
  suspects: freshFrom('suspects'),
}

// From the second redelivery on a message is copied, so that its count stays far below any delivery limit of its queue.
const WORN = 2

/** The facts in `delivery`. */
export function factsOf(
  delivery: Pick<Delivery, 'headers' | 'redelivered'>,
  source: DeliverySource,
  lostWithConnection = 0,
): DeliveryFacts {
  const { headers, redelivered } = delivery
  if (!redelivered && lostWithConnection === 0 && hasOnlyProtocolHeaders(headers)) return FRESH[source]
  const { starts: marked, redelivered: startedBefore, graceUsed } = readMarks(headers)
  return { source, redelivered, returns: deliveryCount(headers), startedBefore, marked, graceUsed, lostWithConnection }
}

function freshFrom(source: DeliverySource): DeliveryFacts {
  return {
    source,
    redelivered: false,
    returns: undefined,
    startedBefore: false,
    marked: 0,
    graceUsed: false,
    lostWithConnection: 0,
  }
}

/**
 * How often the task may have started without being settled. In a task queue each return counts. A suspect runs in a process of
 * its own: if its worker ends, that is hardly caused by the suspect, and the first time is not counted.
 */
export function startsSoFar(facts: DeliveryFacts): Past {
  const { source, marked, graceUsed } = facts
  const returns = timesReturned(facts)
  if (source === 'tasks') return { starts: marked + returns, graceUsed: false }
  if (returns === 0) return { starts: marked, graceUsed }
  return { starts: marked + (graceUsed ? returns : returns - 1), graceUsed: true }
}

/** The one fact that user code gets: an earlier delivery may have started already. */
export function mayHaveStarted({ redelivered, startedBefore }: DeliveryFacts): boolean {
  return redelivered || startedBefore
}

/**
 * Distinguishes a poison message, which kills its worker, from those that were only prefetched by the same worker. After one
 * redelivery a message runs as usual. After two it is a suspect: a worker gets one suspect at a time and runs it `isolated`, in a
 * process of its own, so that its crash ends no other task ({@link decideAfterCrash}). If that is not possible, and once its free
 * redelivery is used, a redelivered suspect counts as started. One that started `maxStarts` times (2 or more) is quarantined.
 */
export function decideStart(
  facts: DeliveryFacts,
  { maxStarts, isolated }: { readonly maxStarts: number; readonly isolated: boolean },
): StartDecision {
  const past = startsSoFar(facts)
  const { starts } = past
  if (facts.source === 'suspects') {
    if (starts > facts.marked && starts >= maxStarts) return { kind: 'quarantine', starts }
    if (facts.redelivered) return { kind: 'suspect', ...past }
    return isolated || past.graceUsed ? RUN : { kind: 'suspect', starts, graceUsed: true }
  }
  if (starts >= 2 || (starts > 0 && maxStarts === 2)) {
    return { kind: 'suspect', starts: markableStarts(facts, maxStarts), graceUsed: false }
  }
  if (isWorn(facts)) return { kind: 'mark', starts }
  // Even if a queue counts: on a classic one the count was written by the sender, and a copy does not keep it.
  return facts.redelivered && facts.lostWithConnection === 0 ? { kind: 'mark', starts } : RUN
}

/**
 * Whether a message of a task queue was returned so often that it must not wait unchanged. A broker that counts returns drops a
 * message after too many, from RabbitMQ 4 on by default at the 21st; and each lost connection counts, for each message that waits
 * here. A copy is counted anew.
 */
export function isWorn({ source, redelivered, returns }: DeliveryFacts): boolean {
  return source === 'tasks' && redelivered && returns !== undefined && returns >= WORN
}

/**
 * The starts recorded in a copy for a task queue or its suspects: no message is quarantined without a start of its own among the
 * suspects.
 */
export function markableStarts(facts: DeliveryFacts, maxStarts: number): number {
  return Math.min(startsSoFar(facts).starts, maxStarts - 1)
}

/**
 * What to do with a suspect whose own process or pool member died: evidence against it if its code had `started`; otherwise, or
 * if that is unclear, the first time is not counted.
 */
export function decideAfterCrash(
  facts: DeliveryFacts,
  { maxStarts, started }: { readonly maxStarts: number; readonly started: boolean },
): StartDecision {
  const past = startsSoFar(facts)
  if (!started && !past.graceUsed) return { kind: 'suspect', starts: past.starts, graceUsed: true }
  const starts = past.starts + 1
  return starts >= maxStarts ? { kind: 'quarantine', starts } : { kind: 'suspect', ...past, starts }
}

/**
 * Whether a message that did not run may be returned by a nack, which keeps its place and is cheap, though the next delivery
 * looks as if its worker had died: yes if the next worker would still run it.
 */
export function mayBeNacked({ source, returns, redelivered, marked }: DeliveryFacts): boolean {
  if (source === 'suspects' || marked > 0) return false
  return returns === undefined ? true : returns === 0 || !redelivered
}

function timesReturned({ redelivered, returns, lostWithConnection }: DeliveryFacts): number {
  const came = redelivered ? (returns ?? 1) : 0
  return Math.max(came - lostWithConnection, 0)
}
