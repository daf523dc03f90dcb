import type { Config } from '../../config/config.ts'
import { resultBackendOf } from '../../results/kinds/all.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { redactUrl } from '../../runtime/text/redact-url.ts'

// What Celery shows in place of a password.
const MASK = '********'

/** The configuration under Celery's names, without passwords: the content of `inspect conf`. */
export function celeryConf(config: Config): JsonObject {
  const { shown, celeryName } = resultBackendOf(config.resultBackend)
  return {
    broker_url: redactUrl(config.broker, MASK),
    broker_heartbeat: config.heartbeat / 1000,
    result_backend: celeryName ?? shown,
    result_expires: Math.floor(config.resultExpires / 1000),
    result_extended: config.resultExtended,
    accept_content: ['json'],
    task_serializer: 'json',
    result_serializer: 'json',
    task_create_missing_queues: config.queueCreation === 'any',
    task_acks_late: config.acks === 'late',
    task_acks_on_failure_or_timeout: config.ackOnFailure && config.ackOnTimeout,
    task_reject_on_worker_lost: config.rejectOnLost,
    task_default_queue: config.defaultQueue,
    task_default_rate_limit: config.rateLimit === 0 ? null : config.rateLimit,
    task_time_limit: seconds(config.timeLimit),
    task_soft_time_limit: seconds(config.softTimeLimit),
    worker_pool: config.pool,
    worker_pool_restarts: config.poolRestarts,
    worker_concurrency: config.concurrency,
    worker_prefetch_multiplier: config.prefetchMultiplier,
    worker_max_tasks_per_child: config.maxTasksPerChild ?? null,
    // In KiB.
    worker_max_memory_per_child: config.maxMemoryPerChild === undefined ? null : config.maxMemoryPerChild / 1024,
    worker_send_task_events: config.events,
    worker_state_db: config.statedb ?? null,
    timezone: 'UTC',
    enable_utc: true,
  }
}

/** Settings of Celery that are fixed here, and their values. */
export function celeryDefaults(): JsonObject {
  return {
    beat_schedule: {},
    broker_connection_retry: true,
    broker_connection_retry_on_startup: true,
    broker_transport_options: {},
    event_exchange: 'celeryev',
    event_serializer: 'json',
    control_exchange: 'celery',
    result_persistent: false,
    task_always_eager: false,
    task_compression: null,
    task_default_delivery_mode: 2,
    task_default_exchange_type: 'direct',
    task_default_priority: null,
    task_ignore_result: false,
    task_protocol: 2,
    task_publish_retry: true,
    task_send_sent_event: false,
    task_track_started: false,
    worker_disable_rate_limits: false,
    worker_enable_remote_control: true,
  }
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : ms / 1000
}
