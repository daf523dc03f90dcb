/** The keys under which Celery stores results (wire specification 4.4 to 4.6); each is also the name of a channel. */
export interface RedisKeys {
  /** A task's result. */
  task(id: string): string
  /** A stored group; with `.j`, `.t` or `.s` the parts of a chord. */
  group(id: string, part?: '.j' | '.t' | '.s'): string
  /** The tasks that a task added to a chord: twq's own key, beside Celery's `.t`. */
  additions(groupId: string, taskId: string): string
}

/** The keys with `prefix`, Celery's `global_keyprefix`: as in Celery, followed by `_` unless it ends in a separator. */
export function redisKeys(prefix = ''): RedisKeys {
  const start = prefix === '' || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`
  return {
    task: (id) => `${start}celery-task-meta-${id}`,
    group: (id, part) => `${start}celery-taskset-meta-${id}${part ?? ''}`,
    additions: (groupId, taskId) => `${start}celery-taskset-meta-${groupId}.twq.${taskId}`,
  }
}
