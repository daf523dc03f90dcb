/** A consumer, and its part in the limit of its queue; 0 where all share one. */
export interface LimitedConsumer {
  readonly limit: number
}

/** What brings the consumers of a queue to a limit. */
export interface Change<Consumer> {
  /** The limit of one more consumer; 0 where none is missing. */
  readonly missing: number
  /** Those that are to leave; all others are to stay. */
  readonly leave: readonly Consumer[]
}

/**
 * How the consumers of a queue, the oldest first, come to allow `limit` messages together; 0 is no limit of their own. One that runs is not ended for
 * another with a larger limit: one more makes up for what is missing. Of a queue with a single active consumer the others get nothing, so the
 * newest has the whole limit.
 */
export function fitConsumers<Consumer extends LimitedConsumer>(
  consumers: readonly Consumer[],
  { limit, singleActive = false }: { readonly limit: number; readonly singleActive?: boolean | undefined },
): Change<Consumer> {
  if (limit === 0) return { missing: 0, leave: [] }
  // What shared a limit allows any number.
  const own = consumers.filter((consumer) => consumer.limit > 0)
  const sharing = consumers.filter((consumer) => consumer.limit === 0)
  if (singleActive) {
    const newest = own.at(-1)
    const fits = newest !== undefined && newest.limit >= limit && (newest.limit < limit * 4 || own.length > 1)
    return { missing: fits ? 0 : limit, leave: fits ? [...sharing, ...own.slice(0, -1)] : [...consumers] }
  }
  let allowed = own.reduce((sum, consumer) => sum + consumer.limit, 0)
  const leave: Consumer[] = [...sharing]
  for (const consumer of own.toSorted((a, b) => b.limit - a.limit)) {
    if (allowed - consumer.limit < limit) continue
    allowed -= consumer.limit
    leave.push(consumer)
  }
  return { missing: Math.max(limit - allowed, 0), leave }
}
