import { hintOf } from '../../errors.ts'
import type { EventLogger } from '../../runtime/log/logger.ts'

/** Logs that the broker ended the consumer of a queue, that it can't be set up or may get nothing for now, and that it is restored. */
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
    doubtful(error: Error) {
      const fields = { event: 'consumer.doubtful' as const, queue, error: error.message, hint: hintOf(error) }
      logger.warn(fields, 'a consumed queue does not pass its check: it may deliver nothing')
    },
    proven() {
      logger.info({ event: 'consumer.proven', queue }, 'the queue passes its check again')
    },
    restored() {
      logger.info({ event: 'consumer.restored', queue }, 'consuming again')
    },
  }
}
