import type { TaskContext } from '../context.ts'

/** Runs code so that `currentTask` finds its context, its timers and callbacks included. */
export interface AttemptScope {
  run<Result>(context: TaskContext, code: () => Result): Result
}

// Of the process, not of this module: a task may import `twq/current` from another copy of the package than the worker's.
const SCOPE = Symbol.for('twq.attempt-scope')
const shared = globalThis as { [SCOPE]?: AttemptScope }

/** The scope that attempts run in; undefined, which costs nothing, until something has imported `twq/current`. */
export function attemptScope(): AttemptScope | undefined {
  return shared[SCOPE]
}

/** The scope of this process, made with the first call. */
export function openAttemptScope<Scope extends AttemptScope>(make: () => Scope): Scope {
  shared[SCOPE] ??= make()
  return shared[SCOPE] as Scope
}
