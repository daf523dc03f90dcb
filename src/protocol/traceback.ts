import { isErrorLike, propertyOf, textOf } from './thrown.ts'

const MAX_LENGTH = 64 * 1024
const MAX_CAUSES = 8

/**
 * The text that `result.traceback` shows in Python: the stack of what was thrown, then those of its causes. Null when
 * there is nothing to show beyond the message. Never throws.
 */
export function tracebackOf(thrown: unknown): string | null {
  if (!isErrorLike(thrown)) return null
  const stacks = [stackOf(thrown)]
  const seen = new Set([thrown])
  let cause = propertyOf(thrown, 'cause')
  while (cause !== undefined && cause !== null && !seen.has(cause) && stacks.length <= MAX_CAUSES) {
    seen.add(cause)
    stacks.push(`Caused by: ${stackOf(cause)}`)
    cause = propertyOf(cause, 'cause')
  }
  return stacks.join('\n').slice(0, MAX_LENGTH)
}

function stackOf(thrown: unknown): string {
  // An error that came from another task has its history there.
  const remote = propertyOf(thrown, 'traceback')
  const stack = propertyOf(thrown, 'stack')
  const here = typeof stack === 'string' && stack !== '' ? stack : textOf(thrown)
  return typeof remote === 'string' ? `${remote.trimEnd()}\n\nRaised again by:\n${here}` : here
}
