import { BLOCKED_HINT } from '../../broker/give-up-when-blocked.ts'
import type { SessionEvent } from '../../broker/session.ts'
import { hintOf, TwqError } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'
import type { ConsumerTimeouts } from '../consume/consumer-timeouts.ts'
import type { AbsenceLog, SessionRole } from './absence-log.ts'

/** The parts that the log of connections needs. */
export interface SessionLogParts {
  readonly logger: EventLogger
  /** Shared by the connections of one worker. */
  readonly absence: AbsenceLog
  /** Reports which tasks ran too long. */
  readonly timeouts?: Pick<ConsumerTimeouts, 'tell'>
}

/** A log line for each event of a connection; `role` says which of the two. */
export function logSession(
  { logger, absence, timeouts }: SessionLogParts,
  role: SessionRole,
  event: SessionEvent,
): void {
  switch (event.kind) {
    case 'connected': {
      const { server, attempts, downtimeMs } = event
      const { product, version, address, cluster, heartbeat } = server
      const fields = { server: `${product} ${version}`, address, cluster, heartbeat_s: heartbeat, attempts }
      absence.connected(role)
      logger.info({ event: 'broker.connected', role, ...fields, downtime_ms: Math.round(downtimeMs) }, 'connected')
      return
    }
    case 'lost':
      logger.warn(
        { event: 'broker.lost', role, error: event.error.message, hint: hintOf(event.error) },
        'connection lost',
      )
      return
    case 'retrying':
      absence.retrying(role, event)
      return
    case 'setup-failed':
      logger.error(
        {
          event: 'channel.setup-failed',
          role,
          channel: event.name,
          in_ms: Math.round(event.inMs),
          error: event.error.message,
          hint: hintOf(event.error),
        },
        'a channel could not be set up; trying again',
      )
      return
    case 'channel-restored':
      logger.info({ event: 'channel.restored', role, channel: event.name }, 'the channel is set up again')
      return
    case 'channel-lost':
      if (TwqError.is(event.error, 'TWQ_CONSUMER_TIMEOUT')) {
        timeouts?.tell({ role, channel: event.name, error: event.error.message, hint: event.error.hint })
        return
      }
      logger.warn({ event: 'channel.lost', role, channel: event.name, error: event.error.message }, 'channel lost')
      return
    case 'blocked':
      logger.warn(
        { event: 'broker.blocked', role, reason: event.reason, hint: BLOCKED_HINT },
        'the broker takes no messages for now',
      )
      return
    case 'unblocked':
      logger.info({ event: 'broker.unblocked', role }, 'the broker takes messages again')
      return
    case 'failed':
      logger.fatal({ event: 'broker.session-failed', role, err: event.error }, 'no way back to the broker: leaving')
      return
  }
}
