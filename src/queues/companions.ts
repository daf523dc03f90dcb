import { differencesOfQueue, mismatch, typeAmong } from '../broker/differences.ts'
import type { Session } from '../broker/session.ts'
import { CLASSIC, QUORUM_COMPANION } from '../broker/topology.ts'
import type { TwqError } from '../errors.ts'
import { quarantineQueue } from '../protocol/headers/quarantine.ts'
import { suspectsQueue } from '../protocol/headers/suspect.ts'
import { plainQueue, type TaskQueue } from '../protocol/queue/task-queue.ts'

/** A queue beside a task queue, as it is there now. */
export interface Companion {
  readonly quorum: boolean
  /** Says in what it is otherwise than it was declared, where it is. */
  readonly difference: TwqError | undefined
  /** How to correct it; undefined where it does no harm. */
  readonly hint?: string
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

const ONE_CONSUMER = 'x-single-active-consumer'

async function declareCompanion(
  session: Pick<Session, 'withChannel'>,
  name: string,
  { quorum, arguments: more }: { readonly quorum: boolean; readonly arguments?: Readonly<Record<string, boolean>> },
): Promise<Companion> {
  const queue: TaskQueue = { ...plainQueue(name), arguments: { ...(quorum ? QUORUM_COMPANION : CLASSIC), ...more } }
  try {
    await session.withChannel((channel) => channel.declareQueue(queue))
    return { quorum, difference: undefined }
  } catch (refusal) {
    const found = await differencesOfQueue(session, queue, refusal)
    if (found.some(({ argument }) => argument === ONE_CONSUMER)) throw mismatch(queue, found, refusal)
    const type = typeAmong(found)
    const isQuorum = type === undefined ? quorum : type.found === 'quorum'
    const limited = isQuorum && (!quorum || found.some(({ argument }) => argument === 'x-delivery-limit'))
    return {
      quorum: isQuorum,
      difference: mismatch(queue, found, refusal),
      ...(limited && { hint: limitHint(name) }),
    }
  }
}

function limitHint(name: string): string {
  const pattern = `^${name.replaceAll('.', String.raw`\.`)}$`
  return `From RabbitMQ 4 on it drops a message that came back 20 times. Raise that: rabbitmqctl set_policy twq-companions '${pattern}' '{"delivery-limit": ${2 ** 31 - 1}}' --apply-to queues`
}
