import { TwqError } from '../errors.ts'

/** Throws `TWQ_POOL` if a member has other tasks than the worker. */
export function checkTasks(member: string, names: readonly string[], expected: readonly string[]): void {
  const missing = expected.filter((name) => !names.includes(name))
  const surplus = names.filter((name) => !expected.includes(name))
  if (missing.length === 0 && surplus.length === 0) return
  const parts = [
    missing.length > 0 ? `it lacks ${missing.join(', ')}` : '',
    surplus.length > 0 ? `it also has ${surplus.join(', ')}` : '',
  ]
  const difference = parts.filter(Boolean).join(', and ')
  throw new TwqError('TWQ_POOL', `${member} of the pool has other tasks than the worker: ${difference}`, {
    hint: 'The modules that `tasks` names must define the same tasks wherever they are loaded. Did a file change just now?',
  })
}

/** Throws `TWQ_POOL` if a member has other plugins: without one, tasks would run untraced, unchecked, or for the wrong tenant. */
export function checkPlugins(member: string, names: readonly string[], expected: readonly string[]): void {
  if (names.join() === expected.join()) return
  const list = (plugins: readonly string[]): string => (plugins.length === 0 ? 'none' : plugins.join(', '))
  const difference = `${list(names)} instead of ${list(expected)}`
  throw new TwqError('TWQ_POOL', `${member} of the pool has other plugins than the worker: ${difference}`, {
    hint: 'Threads and processes take `plugins` from the configuration file: it must list the same ones wherever it is loaded',
  })
}
