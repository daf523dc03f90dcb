import type { AnyTask } from 'twq'

/** A provider that is a task: the worker finds each one in whatever module it is. */
export abstract class TaskProvider {
  abstract readonly task: AnyTask
}
