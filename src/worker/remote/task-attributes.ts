import type { Config } from '../../config/config.ts'
import type { Json } from '../../runtime/json.ts'
import { parseDuration } from '../../runtime/time/duration.ts'
import type { AnyTask } from '../../tasks/task.ts'

// As the retry policy has them (tasks/retry-policy.ts).
const LIMIT = 3
const DELAY = 1_000

/**
 * The attributes of a task under the names of Celery's `Task`, with the configuration's values as defaults, as `from_config` of
 * Celery does. `rateNow` is a limit set by remote control: null for none, undefined if it set nothing. Durations are in seconds;
 * unset attributes are missing.
 */
export function celeryTaskAttributes(
  { name, settings }: AnyTask,
  config: Config,
  rateNow: Json | undefined,
): Readonly<Record<string, Json>> {
  const { rateLimit, queue, priority, acks, ackOnFailure, ackOnTimeout, rejectOnLost, ignoreResult, trackStarted } =
    settings
  const { retry, timeLimit } = settings
  const configured = config.rateLimit === 0 ? undefined : `${config.rateLimit}/s`
  const attributes: Readonly<Record<string, Json | undefined>> = {
    name,
    typing: true,
    max_retries: retry?.limit === undefined ? LIMIT : retry.limit,
    default_retry_delay: seconds(parseDuration(retry?.delay?.base) ?? DELAY),
    rate_limit: rateNow === undefined ? (rateLimit ?? configured) : rateNow,
    ignore_result: ignoreResult ?? false,
    trail: true,
    send_events: true,
    serializer: 'json',
    time_limit: seconds(parseDuration(timeLimit?.hard) ?? config.timeLimit),
    soft_time_limit: seconds(parseDuration(timeLimit?.soft) ?? config.softTimeLimit),
    track_started: trackStarted ?? false,
    acks_late: (acks ?? config.acks) === 'late',
    acks_on_failure_or_timeout: (ackOnFailure ?? config.ackOnFailure) && (ackOnTimeout ?? config.ackOnTimeout),
    reject_on_worker_lost: rejectOnLost ?? config.rejectOnLost,
    priority: priority ?? config.defaultPriority,
    queue,
  }
  return Object.fromEntries(
    Object.entries(attributes).filter((entry): entry is [string, Json] => entry[1] !== undefined && entry[1] !== null),
  )
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000
}
