import type { Connection, Delivery } from '../broker/broker.ts'
import type { OwnedPublisher, Publisher, PublishOptions } from '../broker/publisher.ts'
import { publisherOn } from '../broker/publishing/publisher-on.ts'
import { TwqError } from '../errors.ts'
import type { Outgoing } from '../protocol/wire.ts'
import type { Clock } from '../runtime/time/clock.ts'
import { pause } from '../runtime/time/pause.ts'
import { sharedAbort } from '../runtime/time/shared-abort.ts'
import { TokenBucket } from '../runtime/time/token-bucket.ts'

/** The decision on one message: it stays in its place, is dropped for good, or goes elsewhere. */
export type SweepAction =
  | { readonly kind: 'keep' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'send'; readonly outgoing: Outgoing }

/** How to go through a queue. */
export interface SweepOptions {
  readonly decide: (delivery: Delivery) => SweepAction
  /** Looks at no more than this many messages. */
  readonly limit?: number | undefined
  /** How many a second may leave; 0, as without one, is no limit. */
  readonly rate?: number | undefined
  readonly clock: Clock
  /** Ends the sweep after the message in hand, without an error. */
  readonly signal?: AbortSignal
}

/** The counts of a sweep. */
export interface Sweep {
  readonly kept: number
  readonly dropped: number
  readonly sent: number
  /** Messages that lay there when it began, and that it did not look at. */
  readonly unseen: number
}

export const KEEP: SweepAction = { kind: 'keep' }
export const DROP: SweepAction = { kind: 'drop' }

// Unconfirmed copies at once: enough for speed, and the most messages of the queue that memory holds.
const MOST_UNDERWAY = 100
// Milliseconds for which a message is tried again that the broker refuses, as a worker's is; and until it has to have said something.
const PATIENCE = 15_000
const TIMEOUT = 30_000
const NEVER = new AbortController().signal

/**
 * Goes once through the messages that lie in `queue` now, oldest first, and does with each what `decide` says. One that
 * is sent leaves only once the broker has confirmed the copy, so that a sweep that is interrupted loses none. A copy that is refused, by
 * a full queue or one whose leader was just lost, is tried again for 15 s, behind others. Messages that are kept go back to their
 * places at the end, flagged as redelivered. Rejects with `TWQ_QUEUE_MISSING` where a copy reaches no queue, with
 * `TWQ_PUBLISH_REFUSED` where it is refused for longer, and with `TWQ_PUBLISH_TIMEOUT` where the broker says nothing of it for 30 s.
 */
export async function sweepQueue(connection: Connection, queue: string, options: SweepOptions): Promise<Sweep> {
  const { decide, limit = Number.POSITIVE_INFINITY, rate = 0, clock, signal = NEVER } = options
  await using channel = await connection.openChannel()
  const { messages } = await channel.inspectQueue(queue)
  const total = Math.min(messages, limit)
  const bucket = rate > 0 ? new TokenBucket(clock, rate) : undefined
  const counts = { kept: 0, dropped: 0, sent: 0 }
  const underway = new Set<Promise<void>>()
  const failures: unknown[] = []
  let seen = 0

  // What was got can't be acknowledged any more once its channel is gone: then no copy is tried again.
  const lost = sharedAbort()
  void channel.closed.then((reason) => lost.abort(reason.kind === 'lost' ? reason.error : undefined))
  const publishing = { mandatory: true, timeout: TIMEOUT, signal: lost.signal }
  let publisher: OwnedPublisher | undefined

  const send = async (delivery: Delivery, outgoing: Outgoing): Promise<void> => {
    publisher ??= openPublisher(connection, clock, lost)
    await publishWhole(publisher, outgoing, publishing)
    delivery.ack()
    counts.sent += 1
  }
  try {
    while (seen < total && failures.length === 0 && !signal.aborted) {
      const delivery = await channel.get(queue)
      if (delivery === undefined) break
      const fate = decide(delivery)
      if (fate.kind !== 'keep') await turn(bucket, clock, signal)
      if (signal.aborted) break
      seen += 1
      if (fate.kind === 'keep') counts.kept += 1
      else if (fate.kind === 'drop') {
        delivery.ack()
        counts.dropped += 1
      } else {
        const sending: Promise<void> = send(delivery, fate.outgoing)
          .catch((error: unknown) => void failures.push(error))
          .finally(() => underway.delete(sending))
        underway.add(sending)
        if (underway.size >= MOST_UNDERWAY) await Promise.race(underway)
      }
    }
  } finally {
    await Promise.all(underway)
    await publisher?.[Symbol.asyncDispose]()
  }
  if (failures.length > 0) throw failures[0]
  return { ...counts, unseen: messages - seen }
}

/** Waits until the next may leave, or the sweep is to end. */
async function turn(bucket: TokenBucket | undefined, clock: Clock, signal: AbortSignal): Promise<void> {
  while (bucket !== undefined && !signal.aborted && !bucket.take()) await pause(clock, bucket.wait(), signal)
}

/** Opens what the copies are published by; `lost` aborts where it has no channel. */
function openPublisher(connection: Connection, clock: Clock, lost: AbortController): OwnedPublisher {
  const bounds = { maxOutstanding: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY }
  const publisher = publisherOn(connection, { clock, patience: PATIENCE, ...bounds })
  publisher.ready.catch((error: unknown) => lost.abort(error))
  return publisher
}

async function publishWhole(publisher: Publisher, outgoing: Outgoing, options: PublishOptions): Promise<void> {
  if ((await publisher.publish(outgoing, options)) === 'confirmed') return
  const { routingKey } = outgoing.route
  throw new TwqError('TWQ_QUEUE_MISSING', `there is no queue "${routingKey}": the message stays where it is`, {
    hint: `Declare it: twq queue declare ${routingKey}`,
  })
}
