import type { Config } from '../../config/config.ts'
import { CONSUMER_TIMEOUT } from '../../config/consumer-timeout.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import type { AnyTask } from '../../tasks/task.ts'

/**
 * The names of tasks whose own hard limit is longer than RabbitMQ waits for an acknowledgement, which is sent at their end. The
 * configuration's limit for all tasks is checked with the configuration.
 */
export function longTasks(
  tasks: readonly Pick<AnyTask, 'name' | 'settings'>[],
  { acks }: Pick<Config, 'acks'>,
): readonly string[] {
  return tasks
    .filter(({ settings }) => (settings.acks ?? acks) === 'late')
    .filter(({ settings }) => (parseDuration(settings.timeLimit?.hard) ?? 0) > CONSUMER_TIMEOUT)
    .map(({ name }) => name)
}
