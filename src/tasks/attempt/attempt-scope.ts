import type { TaskContext } from '../context.ts'

/** Runs code so that `currentTask` finds its context, also in its timers and callbacks. */
export interface AttemptScope {
  run<Result>(context: TaskContext, code: () => Result): Result
}

// Shared by the process, not by this module: a task may import `twq/current` from another copy of the package than the worker's.
const SCOPE = Symbol.for('twq.attempt-scope')
const shared = globalThis as { [SCOPE]?: AttemptScope }

/** The scope that attempts run in; undefined, at no cost, until `twq/current` is imported. */
export function attemptScope(): AttemptScope | undefined {
  return shared[SCOPE]
}

/** The scope of this process, created by the first call. */
export function openAttemptScope<Scope extends AttemptScope>(make: () => Scope): Scope {
  shared[SCOPE] ??= make()
  return shared[SCOPE] as Scope
}
