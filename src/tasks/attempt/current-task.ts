import { AsyncLocalStorage } from 'node:async_hooks'
import type { TaskContext } from '../context.ts'
import { openAttemptScope } from './attempt-scope.ts'

const scope = openAttemptScope(() => new AsyncLocalStorage<TaskContext>())

/**
 * The context of the task whose code is running, from anywhere below its `run`: after an `await`, in a callback, in a library.
 * Undefined outside of a task. Once this module is imported, later attempts run in an AsyncLocalStorage; without the import there
 * is no cost.
 */
export function currentTask(): TaskContext | undefined {
  return scope.getStore()
}
