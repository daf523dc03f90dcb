import { declarePidboxExchange, PIDBOX_EXCHANGE } from '../broker/pidbox.ts'
import type { Session } from '../broker/session.ts'
import { encodeRequest, type NewRequest } from '../protocol/remote/pidbox.ts'
import { unlessAborted } from '../runtime/time/time-limit.ts'
import { noWorker } from './broadcast.ts'

/**
 * Sends a request to the workers of a session's broker, without asking for replies. Resolves once the broker has it. Rejects with
 * `TWQ_NO_WORKER` where no worker would hear it, and with the signal's reason: a broker that takes no messages confirms none.
 */
export async function tellWorkers(
  session: Pick<Session, 'withChannel'>,
  request: Omit<NewRequest, 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const message = encodeRequest({ ...request, clock: 1 })
  const told = session.withChannel(
    async (channel) => {
      await declarePidboxExchange(channel)
      return await channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, message, { mandatory: true })
    },
    { signal },
  )
  if ((await unlessAborted(told, signal)) === 'returned') throw noWorker()
}
