import type { Channel, Connection, Delivery } from '../broker/broker.ts'
import { TwqError } from '../errors.ts'
import { quarantineQueue, restoreQuarantined } from '../protocol/quarantine.ts'
import type { HeaderValue, Outgoing } from '../protocol/wire.ts'
import { deferred } from '../runtime/deferred.ts'

/** A message that a worker set aside. */
export interface QuarantinedMessage {
  /** The task's id and name, where the original said them. */
  readonly id: string | undefined
  readonly task: string | undefined
  /** A Celery-style exception name, and what exactly was wrong. */
  readonly reason: string
  readonly detail: string
  /** ISO 8601. */
  readonly time: string
  readonly node: string
  /** The queue it was consumed from. */
  readonly queue: string
  /** As it was first published; undefined for a message that no worker put here. */
  readonly original: Outgoing | undefined
}

/** Which messages are meant; without a field, all. */
export interface QuarantineFilter {
  readonly task?: string
  readonly reason?: string
  readonly id?: string
}

/** What to do with one message: leave it, publish its original to its queue again, or drop it for good. */
export type Fate = 'keep' | 'replay' | 'purge'

/** True when `message` passes `filter`. */
export function isMeant(message: QuarantinedMessage, filter: QuarantineFilter): boolean {
  return (
    (filter.task === undefined || message.task === filter.task) &&
    (filter.reason === undefined || message.reason === filter.reason) &&
    (filter.id === undefined || message.id === filter.id)
  )
}

/**
 * Goes once through the messages that lie in the quarantine of `queue` now, oldest first, at most `limit`, and does with
 * each what `decide` says. A message leaves only once the broker has confirmed its replay. Resolves with how many there
 * were of each fate. Those that are kept stay in their place.
 */
export async function sweepQuarantine(
  connection: Connection,
  queue: string,
  limit: number,
  decide: (message: QuarantinedMessage) => Fate,
): Promise<Readonly<Record<Fate, number>>> {
  const counts = { keep: 0, replay: 0, purge: 0 }
  await using channel = await connection.openChannel()
  const name = quarantineQueue(queue)
  const { messages } = await channel.inspectQueue(name)
  const total = Math.min(messages, limit)
  if (total === 0) return counts
  const done = deferred<void>()
  let seen = 0
  let left = total
  const settleOne = async (delivery: Delivery): Promise<void> => {
    const message = readQuarantined(delivery)
    const fate = decide(message)
    if (fate === 'replay') await replay(channel, message)
    // Whatever is not acknowledged goes back to its place when the channel closes.
    if (fate !== 'keep') delivery.ack()
    counts[fate] += 1
    left -= 1
    if (left === 0) done.resolve()
  }
  const subscription = await channel.consume(name, (delivery) => {
    seen += 1
    if (seen <= total) settleOne(delivery).catch(done.reject)
  })
  void channel.closed.then((reason) => {
    if (reason.kind === 'lost') done.reject(reason.error)
  })
  await done.promise
  await subscription.cancel()
  return counts
}

async function replay(channel: Channel, { original, queue, id }: QuarantinedMessage): Promise<void> {
  if (original === undefined) {
    throw new TwqError(
      'TWQ_MESSAGE_MALFORMED',
      'a message in the quarantine was not put there by twq: it can not be replayed',
    )
  }
  // To its queue and no other: through its exchange it might reach those that have dealt with it long ago.
  const route = { exchange: '', routingKey: queue }
  const answer = await channel.publish(route, withoutTeeth(original), { mandatory: true })
  if (answer === 'returned') {
    throw new TwqError(
      'TWQ_QUEUE_MISSING',
      `message ${id ?? '(without an id)'} can't be replayed: there is no queue "${queue}"`,
      {
        hint: `Start a worker that declares it: twq worker start --queues ${queue}`,
      },
    )
  }
}

/** An expiration has long passed, and a user id is checked against whoever publishes. */
function withoutTeeth({ message }: Outgoing): Outgoing['message'] {
  return {
    ...message,
    properties: { ...message.properties, expiration: undefined, userId: undefined, deliveryMode: 2 },
  }
}

function readQuarantined(delivery: Delivery): QuarantinedMessage {
  const { headers } = delivery
  return {
    id: textOf(headers['x-twq-id']),
    task: textOf(headers['x-twq-task']),
    reason: textOf(headers['x-twq-reason']) ?? 'unknown',
    detail: textOf(headers['x-twq-detail']) ?? '',
    time: textOf(headers['x-twq-time']) ?? '',
    node: textOf(headers['x-twq-node']) ?? '',
    queue: textOf(headers['x-twq-queue']) ?? '',
    original: restoreQuarantined(delivery),
  }
}

function textOf(value: HeaderValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
