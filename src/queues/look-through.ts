import type { Connection, Delivery } from '../broker/broker.ts'

/**
 * The messages that are in `queue` now, oldest first: reads one at a time and settles none, so that all return to their
 * places when the iteration ends, flagged as redelivered. Rejects with `TWQ_QUEUE_MISSING` when there is no such queue.
 */
export async function* lookThrough(
  connection: Connection,
  queue: string,
  { limit = Number.POSITIVE_INFINITY }: { readonly limit?: number | undefined } = {},
): AsyncGenerator<Delivery, void> {
  await using channel = await connection.openChannel()
  const { messages } = await channel.inspectQueue(queue)
  for (let left = Math.min(messages, limit); left > 0; left -= 1) {
    const delivery = await channel.get(queue)
    if (delivery === undefined) return
    yield delivery
  }
}
