import type { TaskMessage } from '../protocol/task-message.ts'
import { shownValue } from '../runtime/text/shown-value.ts'
import { parseDuration } from '../runtime/time/duration.ts'

/** How long an attempt may take from its start, in milliseconds; at least one of the two is given. */
export interface TimeLimits {
  /** When its signal aborts. */
  readonly soft: number | undefined
  /** When it is ended, even during a computation. */
  readonly hard: number | undefined
}

/** Limits as written in a task: milliseconds, or durations like `'30s'`. */
export interface TimeLimitSetting {
  readonly soft?: number | string
  readonly hard?: number | string
}

/**
 * The limits of one attempt (wire specification 3.3): each the message's own, else the task's, else the configuration's. A soft
 * limit that does not come before the hard one has no effect. `undefined` if there is no limit.
 */
export function effectiveLimits(
  message: TaskMessage,
  task: TimeLimitSetting | undefined,
  defaults: TimeLimits,
): TimeLimits | undefined {
  const hard = message.timeLimit.hard ?? parseDuration(task?.hard) ?? defaults.hard
  const soft = message.timeLimit.soft ?? parseDuration(task?.soft) ?? defaults.soft
  if (hard === undefined && soft === undefined) return undefined
  return { hard, soft: hard !== undefined && soft !== undefined && soft >= hard ? undefined : soft }
}

/** The problem with a task's `timeLimit`, a text to follow its name; or undefined. */
export function timeLimitProblem(setting: unknown): string | undefined {
  if (typeof setting !== 'object' || setting === null || Array.isArray(setting)) {
    return `must be an object like { soft: '50s', hard: '60s' }, got ${shownValue(setting)}`
  }
  for (const key of Object.keys(setting)) {
    if (key !== 'soft' && key !== 'hard') return `.${key} is unknown; there are soft and hard`
  }
  const { soft, hard } = setting as { readonly soft?: unknown; readonly hard?: unknown }
  for (const [key, limit] of Object.entries({ soft, hard })) {
    if (limit === undefined || (parseDuration(limit) ?? 0) > 0) continue
    return `.${key} must be milliseconds or a duration like '30s', more than 0, got ${shownValue(limit)}`
  }
  const [first, last] = [parseDuration(soft), parseDuration(hard)]
  if (first === undefined || last === undefined || first < last) return undefined
  return `.soft must come before .hard, got ${shownValue(soft)} and ${shownValue(hard)}`
}
