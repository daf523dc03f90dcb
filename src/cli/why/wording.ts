import type { InspectedTask } from '../../protocol/remote/inspect-answers.ts'
import { cutText } from '../../runtime/text/cut-text.ts'

/** Of a list, as many are named in a statement. */
export const MOST_NAMED = 5
// Characters of the name or id of a task, which its sender chose.
const LONGEST_NAME = 255

/** A span of time for people, from milliseconds. */
export function span(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
}

/** `3 messages`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

/** Names in a sentence: the first ones, and how many more. */
export function some(names: readonly string[]): string {
  const more = names.length - MOST_NAMED
  return names.slice(0, MOST_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/** The tasks that take the slots of a worker. */
export function runningOn(active: readonly InspectedTask[], now: number): string {
  return some(
    active.map(({ id, name, startedAt }) => {
      const since = startedAt === undefined ? '' : ` for ${span(now - startedAt.getTime())}`
      return `${cutText(name, LONGEST_NAME)}[${cutText(id, LONGEST_NAME)}]${since}`
    }),
  )
}
