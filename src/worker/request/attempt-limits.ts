import type { TaskMessage } from '../../protocol/task-message.ts'
import type { TaskRegistry } from '../../tasks/registry.ts'
import { effectiveLimits, type TimeLimitSetting, type TimeLimits } from '../../tasks/time-limits.ts'

/** The time limits of attempts; remote control may change them for a task while the worker runs. */
export class AttemptLimits {
  readonly #registry: TaskRegistry
  readonly #defaults: TimeLimits
  readonly #changed = new Map<string, TimeLimitSetting>()

  constructor(registry: TaskRegistry, defaults: TimeLimits) {
    this.#registry = registry
    this.#defaults = defaults
  }

  /** The limits of a message's attempt, if any. */
  of(message: TaskMessage): TimeLimits | undefined {
    const ofTask = this.#changed.get(message.task) ?? this.#registry.get(message.task)?.settings.timeLimit
    return effectiveLimits(message, ofTask, this.#defaults)
  }

  /** Changes the limits of a task, in milliseconds, for attempts that start later. False if the task is not registered. */
  change(task: string, limits: TimeLimits): boolean {
    if (this.#registry.get(task) === undefined) return false
    const { soft, hard } = limits
    this.#changed.set(task, { ...(soft !== undefined && { soft }), ...(hard !== undefined && { hard }) })
    return true
  }
}
