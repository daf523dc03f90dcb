import { hintOf } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'

/** Logs that the broker ended the consumer of a queue, that it can't be set up for now, and that it is restored. */
export function consumerLog(logger: EventLogger, queue: string) {
  return {
    cancelled() {
      logger.warn({ event: 'consumer.cancelled', queue }, 'the broker ended a consumer; setting it up again')
    },
    down(error: Error) {
      const hint = hintOf(error)
      const fields = { event: 'consumer.down' as const, queue, error: error.message, hint }
      logger.error(fields, 'a consumer cannot be set up; trying again until it can')
    },
    restored() {
      logger.info({ event: 'consumer.restored', queue }, 'consuming again')
    },
  }
}
