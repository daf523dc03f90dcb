import { TwqError } from '../errors.ts'
import type { Connection } from './broker.ts'

/** An alarm of one node of a cluster blocks the publishers of all. */
export const BLOCKED_HINT = 'It does again by itself once there is more. Look there: rabbitmq-diagnostics alarms'

/**
 * Ends `connection` with `TWQ_BROKER_BLOCKED` once the broker blocks it: RabbitMQ answers no request on a blocked
 * connection, and a command that asks one question must not hang.
 */
export function giveUpWhenBlocked(connection: Connection): void {
  connection.onBlocked((reason) => {
    if (reason !== undefined) connection.destroy(brokerBlocked(reason))
  })
}

function brokerBlocked(reason: string): TwqError {
  return new TwqError('TWQ_BROKER_BLOCKED', `the broker takes no messages for now: ${reason}`, {
    hint: BLOCKED_HINT,
  })
}
