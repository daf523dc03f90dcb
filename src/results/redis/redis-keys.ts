/** The names under which Celery keeps results (wire specification 4.4 to 4.6); each is also a channel's name. */
export interface RedisKeys {
  /** A task's result. */
  task(id: string): string
  /** A saved group; with `.j`, `.t` or `.s` the parts of a chord. */
  group(id: string, part?: '.j' | '.t' | '.s'): string
  /** The tasks that a task has added to a chord: twq's own key, beside Celery's `.t`. */
  additions(groupId: string, taskId: string): string
}

/** The names behind `prefix`, Celery's `global_keyprefix`: as Celery, with a `_` after it unless it ends in a separator. */
export function redisKeys(prefix = ''): RedisKeys {
  const start = prefix === '' || /[:_.-]$/.test(prefix) ? prefix : `${prefix}_`
  return {
    task: (id) => `${start}celery-task-meta-${id}`,
    group: (id, part) => `${start}celery-taskset-meta-${id}${part ?? ''}`,
    additions: (groupId, taskId) => `${start}celery-taskset-meta-${groupId}.twq.${taskId}`,
  }
}
