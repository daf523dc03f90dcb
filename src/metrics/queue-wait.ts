/** The start of a measured wait: the sender's timestamp, the receipt of a message without one, or its ETA. */
export type WaitFrom = 'sent' | 'received' | 'eta'

/** The times of a request whose code has started; milliseconds since the epoch, except for `sentAt`. */
export interface RequestTimes {
  /** AMQP's `timestamp`: whole seconds since the epoch. */
  readonly sentAt: number | undefined
  readonly receivedAt: number | undefined
  readonly eta: number | undefined
  readonly startedAt: number | undefined
}

/**
 * How long a task waited for its start, in milliseconds: never less than 0, even if the sender's clock is wrong. Undefined if its
 * code did not start, or nothing is known.
 */
export function queueWait(times: RequestTimes): { readonly from: WaitFrom; readonly waited: number } | undefined {
  const { startedAt, receivedAt, eta } = times
  if (startedAt === undefined) return undefined
  const sentAt = times.sentAt === undefined ? undefined : times.sentAt * 1000
  const known = sentAt ?? receivedAt
  if (eta !== undefined && (known === undefined || eta > known)) return wait('eta', startedAt - eta)
  return known === undefined ? undefined : wait(sentAt === undefined ? 'received' : 'sent', startedAt - known)
}

function wait(from: WaitFrom, ms: number): { readonly from: WaitFrom; readonly waited: number } {
  return { from, waited: Math.max(0, ms) }
}
