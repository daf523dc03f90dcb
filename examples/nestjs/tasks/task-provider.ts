import type { AnyTask } from 'twq'

/** A provider that is a task: the worker finds it in any module. */
export abstract class TaskProvider {
  abstract readonly task: AnyTask
}
