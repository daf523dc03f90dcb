import { type CeleryGroup, celeryGroups } from './celery-groups.ts'

const groupOf = new Map(celeryGroups.flatMap((group) => group.names.map((name) => [name, group] as const)))

/** Old names that no rule leads to the new ones (`_OLD_DEFAULTS` and `_TO_NEW_KEY` of Celery 5.6). */
const RENAMED: Readonly<Record<string, string>> = {
  celery_max_cached_results: 'result_cache_max',
  celery_task_result_expires: 'result_expires',
  celery_result_dburi: 'database_url',
  celery_result_engine_options: 'database_engine_options',
  celery_result_db_short_lived_sessions: 'database_short_lived_sessions',
  celery_result_db_tablenames: 'database_table_names',
  celery_message_compression: 'task_compression',
  celery_eager_propagates_exceptions: 'task_eager_propagates',
  celery_send_task_sent_event: 'task_send_sent_event',
  celeryd_task_soft_time_limit: 'task_soft_time_limit',
  celeryd_task_time_limit: 'task_time_limit',
  celeryd_worker_lost_wait: 'worker_lost_wait',
  celery_send_events: 'worker_send_task_events',
  // Not settings, but often written.
  worker_autoscale: 'worker_autoscaler',
}

/** The setting of Celery that a name means: as it is today, as it was before Celery 4, or with Django's `CELERY_` before it. */
export function celerySetting(name: string): string | undefined {
  const plain = name.toLowerCase()
  const candidates = [
    plain,
    RENAMED[plain],
    plain.replace(/^celerybeat_/, 'beat_'),
    plain.replace(/^celeryd_/, 'worker_'),
  ]
  const bare = /^celery_(.*)$/.exec(plain)?.[1]
  if (bare !== undefined) candidates.push(bare, `task_${bare}`, `worker_${bare}`)
  return candidates.find((candidate) => candidate !== undefined && groupOf.has(candidate))
}

/** The answer to a setting of Celery's, to follow its name; undefined for any other key. */
export function celeryAnswer(name: string): string | undefined {
  const setting = celerySetting(name)
  const group = setting === undefined ? undefined : groupOf.get(setting)
  return group && answerOf(group)
}

function answerOf({ here, note }: CeleryGroup): string {
  if (here === undefined) return `is Celery's, and not a setting here: ${note}`
  return `is Celery's; here: ${here}${note === undefined ? '' : ` (${note})`}`
}
