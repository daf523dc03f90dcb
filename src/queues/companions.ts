import { type Difference, differencesOfQueue, mismatch, typeAmong } from '../broker/differences.ts'
import type { Session } from '../broker/session.ts'
import { CLASSIC, QUORUM_COMPANION } from '../broker/topology.ts'
import type { TwqError } from '../errors.ts'
import { failedQueue, quarantineQueue, suspectsQueue } from '../protocol/companion-queues.ts'
import { plainQueue, type QueueArgument, type TaskQueue } from '../protocol/queue/task-queue.ts'

/** A queue beside a task queue, as it is there now. */
export interface Companion {
  readonly quorum: boolean
  /** How it differs from its declaration, if it does. */
  readonly difference: TwqError | undefined
  /** How to correct it; undefined where it does no harm. */
  readonly hint?: string
  /** The settings that differ, by their arguments; empty when none does. */
  readonly differences: readonly Difference[]
}

/**
 * Declares the quarantine of `queue`: durable, reached through the default exchange only, and a quorum queue beside a
 * quorum queue, so that the loss of a node takes no message from either. One that exists otherwise is used as it is.
 */
export function declareQuarantine(
  session: Pick<Session, 'withChannel'>,
  queue: string,
  type: { readonly quorum: boolean },
): Promise<Companion> {
  return declareCompanion(session, quarantineQueue(queue), type)
}

/** Declares the suspects of `queue`, just as its quarantine. */
export function declareSuspects(
  session: Pick<Session, 'withChannel'>,
  queue: string,
  type: { readonly quorum: boolean },
): Promise<Companion> {
  return declareCompanion(session, suspectsQueue(queue), type)
}

/** How much a queue of failures holds: beyond either, its oldest messages leave. Infinity is no limit. */
export interface FailedLimits {
  readonly keep: number
  readonly bytes: number
}

/** A queue of failures, and its limits as it was created: those of a policy are not told to a client. */
export interface FailedCompanion extends Companion {
  readonly limits: FailedLimits
}

/** Declares the queue for the failed tasks of `queue`, as its quarantine, with these limits. */
export async function declareFailed(
  session: Pick<Session, 'withChannel'>,
  queue: string,
  { quorum, limits }: { readonly quorum: boolean; readonly limits: FailedLimits },
): Promise<FailedCompanion> {
  const name = failedQueue(queue)
  const lengths = { 'x-max-length': limits.keep, 'x-max-length-bytes': limits.bytes }
  const declared = await declareCompanion(session, name, { quorum, arguments: lengths })
  const { differences } = declared
  const keep = lengthAmong(differences, 'x-max-length') ?? limits.keep
  const bytes = lengthAmong(differences, 'x-max-length-bytes') ?? limits.bytes
  const companion = { ...declared, limits: { keep, bytes } }
  if (keep === limits.keep && bytes === limits.bytes) return companion
  const policy = { 'max-length': limits.keep, 'max-length-bytes': limits.bytes, 'delivery-limit': MOST_RETURNS }
  return { ...companion, hint: policyHint(name, companion.quorum ? policy : withoutDeliveries(policy)) }
}

/** The limit that a queue was created with, where it is another one. */
function lengthAmong(differences: readonly Difference[], limit: string): number | undefined {
  const found = differences.find(({ argument }) => argument === limit)?.found
  if (found === undefined) return undefined
  return /^\d+$/.test(found) ? Number(found) : Number.POSITIVE_INFINITY
}

function policyHint(name: string, policy: object): string {
  return `It holds what it was created for; the lower of that and of a policy counts: ${policyCommand('twq-failed', name, policy)}`
}

function withoutDeliveries({ 'delivery-limit': _, ...policy }: Readonly<Record<string, number>>): object {
  return policy
}

/**
 * Declares a queue whose messages are held and handed back until they are complete: as a companion of a task queue. One
 * that exists otherwise is used as it is.
 */
export function declareHoldingQueue(
  session: Pick<Session, 'withChannel'>,
  queue: string,
  type: { readonly quorum: boolean },
): Promise<Companion> {
  return declareCompanion(session, queue, type)
}

/**
 * Declares a queue of which one consumer at a time is given messages, all of them, until it leaves: as a companion of task queues. One
 * that exists otherwise is used as it is, unless several would be given messages: there it rejects with `TWQ_QUEUE_MISMATCH`.
 */
export function declareLeaderQueue(
  session: Pick<Session, 'withChannel'>,
  queue: string,
  type: { readonly quorum: boolean },
): Promise<Companion> {
  return declareCompanion(session, queue, { ...type, arguments: { [ONE_CONSUMER]: true } })
}

const MOST_RETURNS = QUORUM_COMPANION['x-delivery-limit']
const ONE_CONSUMER = 'x-single-active-consumer'

async function declareCompanion(
  session: Pick<Session, 'withChannel'>,
  name: string,
  {
    quorum,
    arguments: more,
  }: { readonly quorum: boolean; readonly arguments?: Readonly<Record<string, QueueArgument>> },
): Promise<Companion> {
  const queue: TaskQueue = { ...plainQueue(name), arguments: { ...(quorum ? QUORUM_COMPANION : CLASSIC), ...more } }
  try {
    await session.withChannel((channel) => channel.declareQueue(queue))
    return { quorum, difference: undefined, differences: [] }
  } catch (refusal) {
    const found = await differencesOfQueue(session, queue, refusal)
    if (found.some(({ argument }) => argument === ONE_CONSUMER)) throw mismatch(queue, found, refusal)
    const type = typeAmong(found)
    const isQuorum = type === undefined ? quorum : type.found === 'quorum'
    const limited = isQuorum && (!quorum || found.some(({ argument }) => argument === 'x-delivery-limit'))
    return {
      quorum: isQuorum,
      difference: mismatch(queue, found, refusal),
      differences: found,
      ...(limited && { hint: limitHint(name) }),
    }
  }
}

function limitHint(name: string): string {
  return `From RabbitMQ 4 on it drops a message that came back 20 times. Raise that: ${policyCommand('twq-companions', name, { 'delivery-limit': MOST_RETURNS })}`
}

function policyCommand(policy: string, queue: string, definition: object): string {
  const pattern = `^${queue.replaceAll('.', String.raw`\.`)}$`
  const json = JSON.stringify(definition).replace(/([:,])/g, '$1 ')
  return `rabbitmqctl set_policy ${policy} '${pattern}' '${json}' --apply-to queues`
}
