import { declarePidboxExchange, PIDBOX_EXCHANGE } from '../../broker/pidbox.ts'
import type { Session } from '../../broker/session.ts'
import { encodeRequest } from '../../protocol/remote/pidbox.ts'
import { noWorker } from '../../sending/broadcast.ts'

const PATIENCE = 5_000

/** Has these workers send task events: Celery's `enable_events`. Rejects with `TWQ_NO_WORKER` where none would hear it. */
export async function enableEvents(session: Session, destination: readonly string[]): Promise<void> {
  const request = encodeRequest({ method: 'enable_events', destination: [...destination], clock: 1 })
  const answer = await session.withChannel(
    async (channel) => {
      await declarePidboxExchange(channel)
      return await channel.publish({ exchange: PIDBOX_EXCHANGE, routingKey: '' }, request, { mandatory: true })
    },
    { signal: AbortSignal.timeout(PATIENCE) },
  )
  if (answer === 'returned') throw noWorker()
}
